/** A supervisor with its collector and no store or processor: what it answers, it answers without them. */
import { loadConfig } from '../../src/config/load.ts';
import { Supervisor } from '../../src/roles/supervisor.ts';

const [file] = process.argv.slice(2);
const supervisor = await Supervisor.start(loadConfig({ file, env: process.env }), {
  roles: ['collector'],
  restartDelayMaxMs: 50,
  onReady: (listening) => process.stdout.write(`${JSON.stringify({ ready: true, listening })}\n`),
});
process.on('SIGTERM', () => void supervisor.stop());
await supervisor.ended();
