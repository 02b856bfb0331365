import { expect, it } from 'vitest';
import { laneLines, readLanes } from './lanes.ts';

const METRICS = `# TYPE spillway_process_lane_records gauge
spillway_process_lane_records{partition="1",tenant="noisy",role="processor"} 2500
spillway_process_lane_records{partition="0",tenant="noisy",role="processor"} 12
# TYPE spillway_process_lane_seconds gauge
spillway_process_lane_seconds{partition="1",tenant="noisy",role="processor"} 62.5
spillway_process_lane_moves_total{partition="1",to="own",role="processor"} 1
`;

it('shows which tenants are held back, where, and how far behind they are', () => {
  const lanes = readLanes(METRICS);
  expect(lanes).toEqual([
    { tenant: 'noisy', partition: 0, records: 12, behindMs: 0 },
    { tenant: 'noisy', partition: 1, records: 2_500, behindMs: 62_500 },
  ]);
  expect(laneLines(lanes).at(-1)).toMatch(/noisy +1 +2,500 +\S/);
  expect(readLanes('')).toEqual([]);
});
