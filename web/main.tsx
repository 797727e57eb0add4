/** The workshop's page begins here. */
import { render } from 'preact';
import { App } from './app.tsx';
import { connect } from './link.ts';
import { applyTheme } from './settings.ts';
import './style.css';
import './lab.css';
import './pictures/pictures.css';

applyTheme();
void connect();
const page = document.getElementById('page');
if (page !== null) render(<App />, page);
