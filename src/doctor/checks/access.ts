/** Who may connect: an address of the network needs a token, or Spillway does not start. */
import { listTokens } from '../../api/auth/tokens.ts';
import { assertExposureAllowed } from '../../config/exposure.ts';
import { messageOf } from '../../lib/errors.ts';
import { plural } from '../../lib/plural.ts';
import { always, type Check } from '../check.ts';
import { well, wrong } from '../finding.ts';

export const access: Check = {
  about: 'tokens',
  applies: always,
  async examine({ config }) {
    let tokens: number;
    try {
      tokens = listTokens(config.data).length;
    } catch (thrown) {
      const mend = 'Make the folder `tokens` of the data folder readable for the user that Spillway runs as.';
      return [wrong(`the tokens cannot be read: ${messageOf(thrown)}`, mend)];
    }
    try {
      assertExposureAllowed(config, tokens);
    } catch (thrown) {
      const mend = 'spillway token create --tenant default --scope admin (or listen on 127.0.0.1)';
      return [wrong(messageOf(thrown), mend)];
    }
    return [well(tokens === 0 ? 'there is no token, and only this machine can connect' : plural(tokens, 'token'))];
  },
};
