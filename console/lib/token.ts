/** The access token of a console that is not used from the server's own machine; kept until the tab is closed. */
import { readStored, store } from './storage.ts';

let token = readStored('session', 'token');

export function authorization(): Record<string, string> {
  return token === undefined ? {} : { authorization: `Bearer ${token}` };
}

export function rememberToken(given: string): void {
  token = given;
  store('session', 'token', given);
}
