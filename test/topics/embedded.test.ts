import { topicsContract } from './topics.contract.ts';

topicsContract('the embedded queue', async () => ({ queue: { partitions: 1 }, stop: async () => {} }));
