/** Where the server asks for a token: away from its own machine. */
import { type SubmitEvent, useState } from 'react';
import { rememberToken } from '../../lib/token.ts';
import { Notice } from '../../ui/notice.tsx';

export function SignIn({ refusal, onToken }: { readonly refusal: string; readonly onToken: () => void }) {
  const [token, setToken] = useState('');
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    rememberToken(token.trim());
    onToken();
  };
  return (
    <Notice title="This Spillway asks for a token" icon="key">
      <p>{refusal}</p>
      <p>
        <code>spillway token create --tenant default --scope read</code> makes one. It is kept until this tab is closed.
      </p>
      <form className="sign-in" onSubmit={submit}>
        <input
          className="input"
          type="password"
          aria-label="Token"
          placeholder="Token"
          autoComplete="current-password"
          value={token}
          onChange={(event) => setToken(event.target.value)}
        />
        <button type="submit" className="button button-primary" disabled={token.trim() === ''}>
          Open
        </button>
      </form>
    </Notice>
  );
}
