import { expect, test } from 'vitest';
import { joinPath, parseRoute } from './router';

test.each([
  ['/', '', { screen: 'events' }],
  ['/e/russian-diplomats-day', '', { screen: 'event', event: 'russian-diplomats-day' }],
  ['/e/day/join', '#abc_DEF-1', { screen: 'join', event: 'day', token: 'abc_DEF-1' }],
  ['/e/day/join/', '#t', { screen: 'join', event: 'day', token: 't' }],
  ['/e/day/check', '#t', { screen: 'check', event: 'day', token: 't' }],
  ['/e/day/press', '#t', { screen: 'release', event: 'day', token: 't' }],
  ['/e/day/desk', '#t', { screen: 'desk', event: 'day', token: 't' }],
  ['/e/day/clearance', '#t', { screen: 'clearance', event: 'day', token: 't' }],
  ['/e/day/join', '', { screen: 'join', event: 'day', token: '' }],
  ['/e/day/other', '', { screen: 'not-found' }],
  ['/e/day/join/more', '', { screen: 'not-found' }],
  ['/e/Bad_Id', '', { screen: 'not-found' }],
  ['/e', '', { screen: 'not-found' }],
  ['/x', '', { screen: 'not-found' }],
])('%s%s', (path, fragment, route) => {
  expect(parseRoute(path, fragment)).toEqual(route);
});

test('a personal link leads back to itself', () => {
  const url = new URL(joinPath('day', 'tok'), 'http://localhost');
  expect(parseRoute(url.pathname, url.hash)).toEqual({ screen: 'join', event: 'day', token: 'tok' });
});
