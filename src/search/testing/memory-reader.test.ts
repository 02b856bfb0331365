import { MemoryReader } from '../../../test/support/memory-reader.ts';
import { CONTRACT_EVENTS, searchContract } from './search-contract.ts';

// The model that the API's tests ask keeps the contract too, so it cannot drift away from the engines.
const reader = new MemoryReader();
reader.events = [...CONTRACT_EVENTS];
searchContract(() => reader);
