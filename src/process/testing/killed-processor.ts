/** A processor in a process of its own, to be killed: it works on the log in the folder given and says what is durable. */
import { nodeDisk } from '../../lib/disk.ts';
import { openWorld, startProcessor } from './world.ts';

const world = await openWorld(nodeDisk, 1, process.argv[2]);
const processor = startProcessor(world.queue);
await processor.started;
let said = 0;
for (;;) {
  await processor.taken(said + 1);
  said = processor.ledger.reduce((sum, { taken }) => sum + taken, 0);
  process.send?.({ taken: said });
}
