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

/** What a request or connection shows of its sender. */
export interface Credentials {
  /** The value of an `Authorization` header, or the bare token of a protocol that has no such header. */
  readonly authorization?: string | undefined;
  /** Address of the peer without its port, as the socket says it. */
  readonly remoteAddress: string | undefined;
  /** True where a proxy says that the request came from elsewhere, so loopback means nothing. */
  readonly relayed?: boolean;
}

/** Throws UNAUTHORIZED where there is no valid token and none can be done without. */
export type Authenticate = (credentials: Credentials) => Principal;
