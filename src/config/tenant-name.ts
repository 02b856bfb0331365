/** Names of tenants, and of what is named like them: also parts of paths and of queries. */
export const TENANT_PATTERN = '^[a-z0-9][a-z0-9_-]{0,63}$';

export const TENANT_WORDS =
  'a name of lower-case letters, digits, - and _, beginning with a letter or digit, at most 64';
