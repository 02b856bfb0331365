/** `spillway start` for crash tests: a role that died is started again at once, however often. */
import { loadConfig } from '../../src/config/load.ts';
import { Supervisor } from '../../src/roles/supervisor.ts';

const [file] = process.argv.slice(2);
const supervisor = await Supervisor.start(loadConfig({ file, env: process.env }), {
  restartDelayMaxMs: 50,
  onReady: (listening) => process.stdout.write(`${JSON.stringify({ ready: true, listening })}\n`),
});
process.on('SIGTERM', () => void supervisor.stop());
await supervisor.ended();
