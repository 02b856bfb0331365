/** compose.yaml and the image, beside the program that they start. There is no Docker here. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { probes } from '../../src/api/catalogue/index.ts';
import { command as start } from '../../src/cli/start.ts';
import { command as token } from '../../src/cli/token.ts';
import { checkedConfig } from './checked-config.ts';
import { configFile, executed, serviceEnvironment } from './executed.ts';
import { at, documents, list, manifests, ROOT, type Value } from './manifests.ts';

const DEPLOY = join(ROOT, 'deploy');
const [compose = {}] = documents(join(DEPLOY, 'compose.yaml'));
const services = Object.entries(Object(compose.services)) as [string, Value][];
const ours = services.filter(([, service]) => service.image === 'spillway:latest');
const config = checkedConfig(String(at(compose, 'configs', 'spillway', 'content')));
const dockerfile = readFileSync(join(DEPLOY, 'Dockerfile'), 'utf8');
const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));

test('the configuration passes our own check, and names the engines that run beside it', () => {
  expect(config.problems).toBe('');
  const names = services.map(([name]) => name);
  const { queue, search } = config.resolved;
  for (const broker of queue.brokers) expect(names).toContain(broker.split(':')[0]);
  for (const node of search.nodes) expect(names).toContain(new URL(node).hostname);
});

test('what is depended on, mounted or configured is there', () => {
  for (const [name, service] of services) {
    for (const other of Object.keys(Object(service.depends_on))) {
      const found = services.find(([known]) => known === other)?.[1];
      expect(found, `${name} → ${other}`).toBeDefined();
      const condition = at(service, 'depends_on', other, 'condition');
      if (condition === 'service_healthy') expect(found?.healthcheck, other).toBeDefined();
    }
    for (const volume of list(service, 'volumes').map(String)) {
      expect(Object.keys(Object(compose.volumes))).toContain(volume.split(':')[0]);
    }
    for (const { source } of list(service, 'configs')) expect(Object(compose.configs)).toHaveProperty(String(source));
  }
});

test('services start by verbs and options that there are, with the file that is mounted', () => {
  expect(ours.map(([name]) => name)).toEqual(['token', 'spillway', 'collector', 'processor']);
  for (const [name, service] of ours) {
    const words =
      name === 'token' ? String(list(service, 'command')[0]).split(' ') : list(service, 'command').map(String);
    const verb = name === 'token' ? token : start;
    for (const option of words.filter((word) => /^--[a-z]/.test(word))) {
      expect(Object.keys(verb.options), name).toContain(option.slice(2));
    }
    if (name === 'token') continue;
    expect(words[0]).toBe('start');
    const [file] = list(service, 'configs');
    expect(configFile(start, words.slice(1), serviceEnvironment(service))).toBe(file?.target);
    if (words.includes('--role')) expect(words[words.indexOf('--role') + 1]).toBe(name);
  }
});

test('what is documented to be run beside a service finds the configuration that the service was started with', () => {
  const commands = executed('compose');
  expect(commands.length).toBeGreaterThan(0);
  for (const { where, target, verb, words } of commands) {
    const service = ours.find(([name]) => name === target)?.[1];
    expect(service, `${target} of ${where}`).toBeDefined();
    const [file] = list(service, 'configs');
    expect(configFile(verb, words, serviceEnvironment(service)), where).toBe(file?.target);
  }
});

test('the ports that are published are listened on, and only for this machine', () => {
  const { http, inputs } = config.resolved;
  const known = [`${http.port}`, ...inputs.syslog.flatMap(({ port }) => [`${port}`, `${port}/udp`])];
  for (const [, service] of ours) {
    for (const port of list(service, 'ports').map(String)) {
      const [address, , inside] = port.split(':');
      expect(address).toBe('127.0.0.1');
      expect(known).toContain(inside);
    }
    const check = list(service, 'healthcheck', 'test').map(String).join(' ');
    if (check !== '') expect(check).toContain(`http://127.0.0.1:${http.port}${probes.ready.url}`);
  }
});

test('the image runs a command of the package, as the user of the manifests, on a Node.js that is new enough', () => {
  const [entrypoint] = JSON.parse(/^ENTRYPOINT (.+)$/m.exec(dockerfile)?.[1] ?? '[]');
  expect(Object.keys(manifest.bin)).toContain(entrypoint);
  expect(JSON.parse(/^CMD (.+)$/m.exec(dockerfile)?.[1] ?? '[]')).toEqual(['start']);
  for (const [, major] of dockerfile.matchAll(/^FROM node:(\d+)/gm)) expect(Number(major)).toBeGreaterThanOrEqual(24);
  const user = /^USER (\d+)$/m.exec(dockerfile)?.[1];
  const users = manifests.flatMap(
    ({ value }) => at(value, 'spec', 'template', 'spec', 'securityContext', 'runAsUser') ?? [],
  );
  expect(users.length).toBeGreaterThan(0);
  for (const known of users) expect(String(known)).toBe(user);
  const exposed = /^EXPOSE (.+)$/m.exec(dockerfile)?.[1]?.split(' ');
  expect(exposed).toEqual(['7514', '7515', '5514/tcp', '5514/udp']);
});

test('what the image is built from is not kept from it, and what is big and ours is', () => {
  const ignored = readFileSync(join(ROOT, '.dockerignore'), 'utf8').split('\n');
  for (const name of ['src', 'bin', 'console', 'tools', 'docs', 'package-lock.json']) {
    expect(existsSync(join(ROOT, name))).toBe(true);
    expect(ignored).not.toContain(name);
  }
  for (const name of ['**/node_modules', '.git', 'data']) expect(ignored).toContain(name);
});
