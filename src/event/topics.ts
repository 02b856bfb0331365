/** The topics that the roles meet in. */
export const TOPICS = { raw: 'raw', events: 'events', deadLetter: 'dead-letter' } as const;

/** Consumer groups that retention waits for, by the role that commits for them. */
export const GROUPS = { processor: 'processor', store: 'store' } as const;

const OF_ROLES: ReadonlySet<string> = new Set(Object.values(TOPICS));

export const isOfRoles = (topic: string): boolean => OF_ROLES.has(topic);
