/** The vocabulary of the generated events, and how often each word of it comes. */
import type { Random } from './random.ts';

const ROLES = ['front', 'api', 'store', 'job'];
const ZONES = ['fra1', 'iad2'];
const HOSTS_PER_ZONE = 5;
export const HOSTS = ROLES.flatMap((role) =>
  ZONES.flatMap((zone) => Array.from({ length: HOSTS_PER_ZONE }, (_, i) => `${role}-${zone}-0${i + 1}`)),
);

export const APPS = [
  'basket',
  'billing',
  'booking',
  'catalogue',
  'chat',
  'coupons',
  'delivery',
  'devices',
  'disputes',
  'exports',
  'gateway',
  'gifts',
  'identity',
  'images',
  'imports',
  'ledger',
  'loyalty',
  'mailer',
  'maps',
  'menus',
  'notifier',
  'orders',
  'payments',
  'prices',
  'profiles',
  'ratings',
  'search',
  'sessions',
  'stock',
  'tables',
];

const TEAMS = ['orders', 'money', 'people', 'content', 'platform', 'reach'];
export const TEAM_OF: ReadonlyMap<string, string> = new Map(APPS.map((app, i) => [app, TEAMS[i % TEAMS.length] ?? '']));

const ACTIONS = ['list', 'show', 'create', 'change', 'remove', 'count', 'import', 'ping'];
export const PATHS = APPS.flatMap((app) => ACTIONS.map((action) => `/v1/${app}/${action}`));

const METHODS = ['GET', 'GET', 'GET', 'GET', 'POST', 'POST', 'PUT', 'DELETE'];

const WORDS = (
  'accepted answered archive backend balance batch bridge broker buffer bucket cache channel checkpoint cluster cold ' +
  'commit connection copied cursor delayed digest drained elected expired fallback fetched field flushed frame guard ' +
  'handler header idle index journal keepalive late leader lease limit listener loaded lookup merged mirror node offset ' +
  'opened page parsed partition peer pending pool primary probe queue quota ready record refused region replica retry ' +
  'route schema shard signal slot snapshot stale stored stream tenant throttled token trace tuned upstream worker'
).split(' ');

interface Request {
  readonly path: string;
  readonly status: number;
  readonly duration: number;
}

/** One of five kinds of message, each with the request and a few words. */
export function sentence(random: Random, { path, status, duration }: Request): string {
  const user = random.below(100_000);
  const word = (): string => random.pick(WORDS);
  switch (random.below(5)) {
    case 0:
      return `${random.pick(METHODS)} ${path} answered ${status} after ${duration} ms, user ${user}, ${word()} ${word()} ${word()} size=${random.below(65_536)}`;
    case 1:
      return `${random.pick(HOSTS)} gave ${status} for ${random.pick(METHODS)} ${path} in ${duration} ms: ${word()} ${word()} ${word()} ${word()} try=${1 + random.below(9)} user=${user}`;
    case 2:
      return `${word()} ${word()} ${word()} ${word()} ${word()} ${word()} at ${path} code=${status} took=${duration}ms user=${user}`;
    case 3:
      return `cache ${word()} of user:${user}:${word()} age=${1 + random.below(9)}s for ${path} status=${status} ${word()} ${word()} ${word()} within ${duration} ms`;
    default:
      return `select from ${word()}_${word()} gave ${random.below(65_536)} rows in ${duration} ms (${word()} ${word()} ${word()}), ${random.pick(METHODS)} ${path} -> ${status}, user ${user}`;
  }
}

/** Items with the chance of each one and all before it. */
export interface Weighted<T> {
  readonly items: readonly T[];
  readonly upTo: Float64Array;
}

/** The nth item comes 1/n^exponent as often as the first. */
export function zipf<T>(items: readonly T[], exponent: number): Weighted<T> {
  const weights = items.map((_, i) => 1 / (i + 1) ** exponent);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const upTo = new Float64Array(items.length);
  let sum = 0;
  for (const [i, weight] of weights.entries()) {
    sum += weight / total;
    upTo[i] = sum;
  }
  return { items, upTo };
}

/** The item at this share (of [0, 1)) of all chances, by halving. */
export function draw<T>({ items, upTo }: Weighted<T>, share: number): T {
  let low = 0;
  let high = items.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((upTo[middle] ?? 1) > share) high = middle;
    else low = middle + 1;
  }
  const item = items[low];
  if (item === undefined) throw new RangeError('there is nothing to draw from');
  return item;
}
