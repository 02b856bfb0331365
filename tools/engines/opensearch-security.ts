/**
 * OpenSearch's security plugin: TLS by certificates of an authority of the node's own, and users. There is one user at
 * first, `admin`, who may do everything and make others by the plugin's REST API.
 */
import { chmod, cp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isThere } from './folders.ts';
import { copyJars, unpackZip } from './maven.ts';
import type { Security } from './opensearch-release.ts';
import { run } from './run.ts';

export const ADMIN = { username: 'admin', password: 'admin' } as const;
/** Below the data folder: the certificate of the authority. */
export const AUTHORITY = 'config/authority.pem';
export const SECURITY_HINT = `by https, as ${ADMIN.username} with the password ${ADMIN.password}; the authority's certificate is ${AUTHORITY} below its data`;
/** Its users are known: before that it answers nobody. */
export const SECURITY_READY = { kind: 'log', text: "Node 'node-1' initialized" } as const;

export async function installSecurity(
  { artifact, further, className }: Security,
  version: string,
  home: string,
): Promise<void> {
  await unpackZip(`${artifact}:${version}.0`, home);
  await copyJars(further, home);
  const path = join(home, 'plugin-descriptor.properties');
  const descriptor = await readFile(path, 'utf8');
  if (!descriptor.includes(className)) throw new Error(`${artifact} is not ${className}`);
  // It extends plugins that make rules for workloads, which no registry has; nothing here needs them.
  await writeFile(path, descriptor.replace(/^extended\.plugins=.*$/m, 'extended.plugins='));
}

/** Certificates and users in the folder of the configuration; what the configuration says of them. */
export async function secure(config: string, home: string): Promise<Readonly<Record<string, string>>> {
  if (!(await isThere(join(config, 'authority.pem')))) await makeCertificates(config);
  const users = join(config, 'opensearch-security');
  if (!(await isThere(users))) {
    await cp(join(home, 'plugins/opensearch-security/config'), users, { recursive: true });
    await writeFile(join(users, 'internal_users.yml'), USERS);
    await writeFile(join(users, 'roles_mapping.yml'), MAPPING);
  }
  const pem = (layer: 'http' | 'transport') => ({
    [`plugins.security.ssl.${layer}.pemcert_filepath`]: 'node.pem',
    [`plugins.security.ssl.${layer}.pemkey_filepath`]: 'node.key',
    [`plugins.security.ssl.${layer}.pemtrustedcas_filepath`]: 'authority.pem',
  });
  return {
    ...pem('transport'),
    ...pem('http'),
    'plugins.security.ssl.http.enabled': 'true',
    'plugins.security.allow_default_init_securityindex': 'true',
    'plugins.security.nodes_dn': '["CN=node"]',
    'plugins.security.restapi.roles_enabled': '["all_access"]',
  };
}

/** The node's is for the address 127.0.0.1 alone, so that any other name of it does not fit. */
async function makeCertificates(config: string): Promise<void> {
  const file = (name: string) => join(config, name);
  const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '30'];
  const authority = ['-keyout', file('authority.key'), '-out', file('authority.pem'), '-subj', '/CN=authority'];
  await run('openssl', [...request, ...authority, '-addext', 'keyUsage=critical,keyCertSign,cRLSign']);
  const signer = ['-CA', file('authority.pem'), '-CAkey', file('authority.key')];
  const names = ['-addext', 'subjectAltName=IP:127.0.0.1', '-addext', 'basicConstraints=critical,CA:FALSE'];
  const node = ['-keyout', file('node.key'), '-out', file('node.pem'), '-subj', '/CN=node'];
  await run('openssl', [...request, ...node, ...names, ...signer]);
  await rm(file('authority.key'));
  await chmod(file('node.key'), 0o600);
}

/** The hash (bcrypt) is that of its password, which no other secret has: the node is on the loopback address. */
const USERS = `_meta:
  type: internalusers
  config_version: 2
${ADMIN.username}:
  hash: "$2a$12$VcCDgh2NDk07JGN0rjGbM.Ad41qVR/YFJcgHp0UGns5JDymv..TOG"
  backend_roles: [admin]
`;

const MAPPING = `_meta:
  type: rolesmapping
  config_version: 2
all_access:
  backend_roles: [admin]
`;
