import { mount } from 'svelte';
import './design/tokens.css';
import './design/base.css';
import App from './App.svelte';
import { i18n } from './state/i18n.svelte';

await i18n.start();
const target = document.getElementById('app');
if (target) mount(App, { target });
