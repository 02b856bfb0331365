/** Who a sender or reader is: bound by token, port or certificate before anything else looks at its bytes. */
export type Scope = 'ingest' | 'read' | 'admin';

export interface Principal {
  readonly tenant: string;
  readonly scopes: ReadonlySet<Scope>;
  /** Short name of the token for logs and limits; undefined for a loopback request without one. */
  readonly token?: string;
}

/** The tenant of loopback requests without a token, and of ports that name none. */
export const DEFAULT_TENANT = 'default';
