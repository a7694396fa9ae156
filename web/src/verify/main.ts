import { mount } from 'svelte';
import '../design/tokens.css';
import '../design/base.css';
import Verify from './Verify.svelte';

const target = document.getElementById('app');
if (target) mount(Verify, { target });
