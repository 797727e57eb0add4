// The authority on Pod Security, asked line by line: reads {"policy":"restricted:v1.34","pod":{…}} and answers {"allowed":…,"reason":…,"detail":…},
// or {"error":…} when the API machinery refuses to decode the pod; reads {"labels":{…},"defaults":"baseline:latest"} and answers
// {"policy":["…","…","…"],"errors":[…]}: what is enforced, audited and warned of. Only the tests use it.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	corev1 "k8s.io/api/core/v1"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

type question struct {
	Policy   string            `json:"policy"`
	Pod      json.RawMessage   `json:"pod"`
	Labels   map[string]string `json:"labels"`
	Defaults string            `json:"defaults"`
}

type answer struct {
	Allowed bool   `json:"allowed"`
	Reason  string `json:"reason,omitempty"`
	Detail  string `json:"detail,omitempty"`
	Error   string `json:"error,omitempty"`

	Policy []string `json:"policy,omitempty"`
	Errors []string `json:"errors,omitempty"`
}

func parse(text string) (api.LevelVersion, error) {
	level, version, _ := strings.Cut(text, ":")
	l, err := api.ParseLevel(level)
	if err != nil {
		return api.LevelVersion{}, fmt.Errorf("level: %w", err)
	}
	v, err := api.ParseVersion(version)
	if err != nil {
		return api.LevelVersion{}, fmt.Errorf("version: %w", err)
	}
	return api.LevelVersion{Level: l, Version: v}, nil
}

func askLabels(q question) answer {
	d, err := parse(q.Defaults)
	if err != nil {
		return answer{Error: err.Error()}
	}
	p, errs := api.PolicyToEvaluate(q.Labels, api.Policy{Enforce: d, Audit: d, Warn: d})
	a := answer{Allowed: len(errs) == 0, Policy: []string{p.Enforce.String(), p.Audit.String(), p.Warn.String()}}
	for _, e := range errs {
		a.Errors = append(a.Errors, e.Error())
	}
	return a
}

func ask(evaluator policy.Evaluator, line []byte) answer {
	var q question
	if err := json.Unmarshal(line, &q); err != nil {
		return answer{Error: "question: " + err.Error()}
	}
	if q.Pod == nil {
		return askLabels(q)
	}
	lv, err := parse(q.Policy)
	if err != nil {
		return answer{Error: err.Error()}
	}
	var pod corev1.Pod
	// What the API server decodes JSON with: field names keep their case, numbers their kind.
	if err := utiljson.Unmarshal(q.Pod, &pod); err != nil {
		return answer{Error: "pod: " + err.Error()}
	}
	result := policy.AggregateCheckResults(evaluator.EvaluatePod(lv, &pod.ObjectMeta, &pod.Spec))
	return answer{Allowed: result.Allowed, Reason: result.ForbiddenReason(), Detail: result.ForbiddenDetail()}
}

func main() {
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := bufio.NewWriterSize(os.Stdout, 1<<20)
	defer out.Flush()
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	for {
		line, err := in.ReadBytes('\n')
		if len(line) > 1 {
			if err := encoder.Encode(ask(evaluator, line)); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
		}
		if err == io.EOF {
			return
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}
