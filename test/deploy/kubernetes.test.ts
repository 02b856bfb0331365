/**
 * The manifests, beside the program that they start. There is no Kubernetes here: what its API server would say of a
 * field is not tried by this suite (docs/scaling.md says what was run by hand).
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { probes } from '../../src/api/catalogue/index.ts';
import { command as start } from '../../src/cli/start.ts';
import { checkedConfig } from './checked-config.ts';
import { configFile, containerEnvironment, executed, optionOf } from './executed.ts';
import { at, documents, KUBERNETES, list, manifests, type Value } from './manifests.ts';

const API_VERSIONS: Readonly<Record<string, string>> = {
  Namespace: 'v1',
  ServiceAccount: 'v1',
  Service: 'v1',
  Secret: 'v1',
  Deployment: 'apps/v1',
  StatefulSet: 'apps/v1',
  PodDisruptionBudget: 'policy/v1',
  Kustomization: 'kustomize.config.k8s.io/v1beta1',
};
const REQUIRED: Readonly<Record<string, readonly (readonly string[])[]>> = {
  Service: [
    ['spec', 'selector'],
    ['spec', 'ports'],
  ],
  Deployment: [
    ['spec', 'replicas'],
    ['spec', 'selector', 'matchLabels'],
    ['spec', 'template', 'spec', 'containers'],
  ],
  StatefulSet: [
    ['spec', 'serviceName'],
    ['spec', 'selector', 'matchLabels'],
    ['spec', 'template', 'spec', 'containers'],
  ],
  PodDisruptionBudget: [
    ['spec', 'selector', 'matchLabels'],
    ['spec', 'maxUnavailable'],
  ],
  Secret: [['stringData']],
};
const kindOf = (value: Value) => String(value.kind);
const nameOf = (value: Value) => String(at(value, 'metadata', 'name'));
const ofKind = (...kinds: readonly string[]) => manifests.filter(({ value }) => kinds.includes(kindOf(value)));
const workloads = ofKind('Deployment', 'StatefulSet').map(({ value }) => value);
const podOf = (workload: Value) => at(workload, 'spec', 'template', 'spec') as Value;
const containerOf = (workload: Value) => list(podOf(workload), 'containers')[0] ?? {};
const labelsOf = (workload: Value) => at(workload, 'spec', 'template', 'metadata', 'labels') as Record<string, string>;
const selects = (selector: unknown, labels: Record<string, string>) =>
  Object.entries(Object(selector)).every(([name, value]) => labels[name] === value);

const config = checkedConfig(readFileSync(join(KUBERNETES, 'spillway.yaml'), 'utf8'));

describe.each(manifests.map(({ file, value }) => [`${file}: ${kindOf(value)} ${nameOf(value)}`, value] as const))(
  '%s',
  (_, value) => {
    test('is of a kind and version that there is, and has what such a one needs', () => {
      expect(value.apiVersion).toBe(API_VERSIONS[kindOf(value)]);
      if (kindOf(value) !== 'Kustomization') expect(nameOf(value)).toMatch(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/);
      for (const path of REQUIRED[kindOf(value)] ?? []) expect(at(value, ...path), path.join('.')).toBeDefined();
    });
  },
);

test('the configuration passes our own check', () => {
  expect(config.problems).toBe('');
});

describe.each(workloads.map((workload) => [nameOf(workload), workload] as const))('%s', (name, workload) => {
  const container = containerOf(workload);
  const args = at(container, 'args') as readonly string[];
  const role = args[args.indexOf('--role') + 1] ?? '';

  test('starts its role by a verb and options that there are, with the configuration that is mounted', () => {
    expect(args[0]).toBe('start');
    expect(`spillway-${role}`).toBe(name);
    expect(start.options.role).toBeDefined();
    for (const option of args.filter((arg) => arg.startsWith('--'))) {
      expect(Object.keys(start.options)).toContain(option.slice(2));
    }
    const mounts = list(container, 'volumeMounts');
    const file = configFile(start, args.slice(1), containerEnvironment(container));
    expect(mounts.map(({ mountPath }) => mountPath)).toContain(file);
    const claims = list(workload, 'spec', 'volumeClaimTemplates').map(nameOf);
    const volumes = [...list(podOf(workload), 'volumes').map((volume) => volume.name), ...claims];
    for (const mount of mounts) expect(volumes).toContain(mount.name);
    expect(container.image).toBe('spillway');
  });

  test('selects its own pods', () => {
    expect(selects(at(workload, 'spec', 'selector', 'matchLabels'), labelsOf(workload))).toBe(true);
    for (const spread of list(podOf(workload), 'topologySpreadConstraints')) {
      expect(selects(at(spread, 'labelSelector', 'matchLabels'), labelsOf(workload))).toBe(true);
    }
  });

  test('opens the ports that the program listens on, and is probed where it answers', () => {
    const { http, store, inputs } = config.resolved;
    const [syslog] = inputs.syslog;
    const expected: Readonly<Record<string, readonly string[]>> = {
      collector: [`http ${http.port} TCP`, `syslog ${syslog?.port} TCP`, `syslog-udp ${syslog?.port} UDP`],
      store: [`http ${store.port} TCP`],
      processor: [],
    };
    const ports = list(container, 'ports').map(
      (port) => `${port.name} ${port.containerPort} ${port.protocol ?? 'TCP'}`,
    );
    expect(ports).toEqual(expected[role]);
    const paths = Object.values(probes).map(({ url }) => url);
    const used = ['startupProbe', 'livenessProbe', 'readinessProbe'].filter((probe) => container[probe] !== undefined);
    expect(used).toHaveLength(role === 'processor' ? 0 : 3);
    for (const probe of used) {
      expect(paths).toContain(at(container, probe, 'httpGet', 'path'));
      expect(at(container, probe, 'httpGet', 'port')).toBe('http');
    }
  });

  test('asks for what it needs, and runs without rights', () => {
    for (const resource of ['cpu', 'memory']) expect(at(container, 'resources', 'requests', resource)).toBeDefined();
    expect(at(podOf(workload), 'securityContext', 'runAsNonRoot')).toBe(true);
    expect(at(container, 'securityContext', 'allowPrivilegeEscalation')).toBe(false);
    // Longer than draining may take.
    expect(Number(at(podOf(workload), 'terminationGracePeriodSeconds'))).toBeGreaterThan(10);
  });

  test('has a budget for disruptions', () => {
    const budgets = ofKind('PodDisruptionBudget').map(({ value }) => at(value, 'spec', 'selector', 'matchLabels'));
    expect(budgets.some((selector) => selects(selector, labelsOf(workload)))).toBe(true);
  });
});

test('what is documented to be run in a pod finds the configuration and role that the pod was started with', () => {
  const commands = executed('kubectl');
  expect(commands.length).toBeGreaterThan(0);
  for (const { where, target, verb, words } of commands) {
    const workload = workloads.find((known) => target.replace(/^[a-z]+\//, '').startsWith(nameOf(known)));
    expect(workload, `${target} of ${where}`).toBeDefined();
    const container = containerOf(workload ?? {});
    const args = at(container, 'args') as readonly string[];
    const env = containerEnvironment(container);
    expect(configFile(verb, words, env), where).toBe(configFile(start, args.slice(1), env));
    if (verb.options.role !== undefined) expect(optionOf(verb, words, 'role')).toBe(optionOf(start, args, 'role'));
  }
});

test.each(ofKind('Service').map(({ value }) => [nameOf(value), value] as const))(
  'service %s leads to pods',
  (_, service) => {
    const targets = workloads.filter((workload) => selects(at(service, 'spec', 'selector'), labelsOf(workload)));
    expect(targets).toHaveLength(1);
    const open = list(containerOf(targets[0] ?? {}), 'ports');
    for (const port of list(service, 'spec', 'ports')) {
      const target = open.find(({ name }) => name === port.targetPort);
      expect(target?.containerPort).toBe(port.port);
      expect(target?.protocol ?? 'TCP').toBe(port.protocol ?? 'TCP');
    }
  },
);

test('every secret that is mounted is explained, with each file that the configuration reads', () => {
  const secrets = new Map(ofKind('Secret').map(({ value }) => [nameOf(value), Object.keys(Object(value.stringData))]));
  for (const workload of workloads) {
    for (const volume of list(podOf(workload), 'volumes')) {
      if (volume.secret !== undefined) expect([...secrets.keys()]).toContain(at(volume, 'secret', 'secretName'));
    }
  }
  const text = readFileSync(join(KUBERNETES, 'spillway.yaml'), 'utf8');
  const files = [...text.matchAll(/\/etc\/spillway\/secrets\/([\w.-]+)/g)].map(([, file]) => file);
  expect(files.length).toBeGreaterThan(0);
  for (const file of files) expect(secrets.get('spillway')).toContain(file);
});

test('the kustomization names every manifest but the example of secrets', () => {
  const [kustomization = {}] = documents(join(KUBERNETES, 'kustomization.yaml'));
  const others = ['kustomization.yaml', 'secrets.yaml', 'spillway.yaml'];
  const files = readdirSync(KUBERNETES).filter((name) => !others.includes(name));
  expect([...(kustomization.resources as string[])].sort()).toEqual(files.sort());
  expect(list(kustomization, 'configMapGenerator')).toEqual([{ name: 'spillway', files: ['spillway.yaml'] }]);
});
