// Reads compose projects as Docker's compose does: one question per line of standard input, {"dir": …, "files": […], "env": {…}},
// one answer per line of standard output: the project's services, or the error.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"os"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/sirupsen/logrus"
)

type question struct {
	Dir   string            `json:"dir"`
	Files []string          `json:"files"`
	Env   map[string]string `json:"env"`
}

type answer struct {
	Name     string                         `json:"name,omitempty"`
	Services map[string]types.ServiceConfig `json:"services,omitempty"`
	Error    string                         `json:"error,omitempty"`
}

func load(q question) answer {
	var env []string
	for name, value := range q.Env {
		env = append(env, name+"="+value)
	}
	options, err := cli.NewProjectOptions(q.Files, cli.WithWorkingDirectory(q.Dir), cli.WithEnv(env), cli.WithEnvFiles(),
		cli.WithDotEnv, cli.WithConfigFileEnv, cli.WithDefaultConfigPath, cli.WithProfiles([]string{"*"}))
	if err != nil {
		return answer{Error: err.Error()}
	}
	project, err := options.LoadProject(context.Background())
	if err != nil {
		return answer{Error: err.Error()}
	}
	services := map[string]types.ServiceConfig{}
	for name, service := range project.Services {
		services[name] = service
	}
	for name, service := range project.DisabledServices {
		services[name] = service
	}
	return answer{Name: project.Name, Services: services}
}

func main() {
	logrus.SetOutput(io.Discard)
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(make([]byte, 1<<20), 1<<26)
	out := json.NewEncoder(os.Stdout)
	for in.Scan() {
		var q question
		if err := json.Unmarshal(in.Bytes(), &q); err != nil {
			panic(err)
		}
		if err := out.Encode(load(q)); err != nil {
			panic(err)
		}
	}
}
