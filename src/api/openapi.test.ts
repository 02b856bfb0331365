import { Compile } from 'typebox/schema';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApiServers, startApiServers } from '../../test/support/api-servers.ts';
import { MemoryReader } from '../../test/support/memory-reader.ts';
import { accounts, inputs, probes, questions, type Route } from './catalogue/index.ts';

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly required?: boolean;
  readonly description?: string;
  readonly schema: Schema;
}
type Schema = Readonly<Record<string, unknown>>;
interface Body {
  readonly content: Readonly<Record<string, { readonly schema: Schema }>>;
}
interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: Body;
  readonly responses: Readonly<Record<string, Body & { readonly description: string }>>;
}
interface Document {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly securitySchemes: object; readonly schemas?: object };
}

let api: ApiServers;
let front: Document;
let store: Document;

beforeAll(async () => {
  api = await startApiServers({ reader: new MemoryReader() });
  const load = async (url: string): Promise<Document> => (await fetch(`${url}/api/openapi.json`)).json();
  [front, store] = await Promise.all([load(api.frontUrl), load(api.storeUrl)]);
});
afterAll(() => api.close());

const routes = (...groups: Readonly<Record<string, Route>>[]) =>
  groups
    .flatMap((group) => Object.values(group))
    .map(({ method, url }) => `${method} ${url.replace(/:(\w+)/g, '{$1}')}`);
const documented = (document: Document) =>
  Object.entries(document.paths).flatMap(([path, item]) =>
    Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`),
  );
const operations = (document: Document) =>
  Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ path, method, operation })),
  );

describe('the OpenAPI document', () => {
  it('of the front door has every route, those of the store too', () => {
    expect(documented(front).sort()).toEqual(routes(questions, accounts, probes, inputs).sort());
  });

  it('of the store has every route of its own', () => {
    expect(documented(store).sort()).toEqual(routes(questions, probes).sort());
  });

  it('is the same of a question in both', () => {
    for (const { url } of Object.values<Route>(questions)) expect(front.paths[url]).toEqual(store.paths[url]);
  });

  it('leaves out no address that a server answers, but its own and the probes by HEAD', () => {
    const served = (server: ApiServers['front']) =>
      servedBy(server.printRoutes({ commonPrefix: false })).filter(
        (route) => route !== 'GET /api/openapi.json' && !route.startsWith('HEAD /health/'),
      );
    expect(served(api.front).sort()).toEqual(documented(front).sort());
    expect(served(api.store).sort()).toEqual(documented(store).sort());
  });

  it('is OpenAPI 3.1 in its structure', () => {
    for (const document of [front, store]) {
      expect(document.openapi).toMatch(/^3\.1\.\d+$/);
      expect(document.info).toMatchObject({ title: 'Spillway', version: expect.stringMatching(/^\d+\.\d+\.\d+/) });
      const ids = operations(document).map(({ operation }) => operation.operationId);
      expect(new Set(ids).size).toBe(ids.length);
      for (const { path, operation } of operations(document)) {
        expect(path).toMatch(/^\//);
        expect(operation.summary.length).toBeGreaterThan(0);
        checkParameters(path, operation.parameters ?? []);
        checkResponses(operation);
      }
    }
  });

  it('says everything that it refers to', () => {
    const text = JSON.stringify(front);
    for (const [, pointer = ''] of text.matchAll(/"\$ref":"#\/([^"]+)"/g)) {
      const found = pointer.split('/').reduce<unknown>((at, key) => (at as Record<string, unknown>)?.[key], front);
      expect(found, pointer).toBeDefined();
    }
    expect(text).not.toContain('undefined');
  });

  it('accepts and refuses by its schemas what the server accepts and refuses', async () => {
    const limit = front.paths['/api/search']?.get?.parameters?.find(({ name }) => name === 'limit');
    const check = Compile(limit?.schema ?? {});
    for (const value of [0, 1, 1_000, 1_001]) {
      const response = await fetch(`${api.frontUrl}/api/search?limit=${value}`);
      expect(response.ok, String(value)).toBe(check.Check(value));
    }
  });
});

/** Fastify prints a tree, four columns a level: `│   └── /:topic/records (GET)`. */
function servedBy(tree: string): string[] {
  const branch: string[] = [];
  return tree.split('\n').flatMap((line) => {
    const [, indent = '', part = '', methods = ''] = /^([│├└─\s]*)(\/\S*) \(([A-Z, ]+)\)/.exec(line) ?? [];
    if (part === '') return [];
    branch.splice(indent.length / 4 - 1, branch.length, part);
    const path = branch.join('').replace(/:(\w+)/g, '{$1}');
    return methods.split(', ').map((method) => `${method} ${path}`);
  });
}

function checkParameters(path: string, parameters: readonly Parameter[]): void {
  const names = parameters.map((parameter) => `${parameter.in} ${parameter.name}`);
  expect(new Set(names).size).toBe(names.length);
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
  expect(parameters.filter((parameter) => parameter.in === 'path').map(({ name }) => name)).toEqual(inPath);
  for (const parameter of parameters) {
    expect(['query', 'path', 'header']).toContain(parameter.in);
    if (parameter.in === 'path') expect(parameter.required).toBe(true);
    expect(parameter.description, `${path} ${parameter.name}`).toMatch(/\w/);
    expect(() => Compile(parameter.schema)).not.toThrow();
  }
}

function checkResponses({ operationId, responses, requestBody }: Operation): void {
  expect(Object.keys(responses), operationId).toEqual(expect.arrayContaining(['200', '4XX', '5XX']));
  for (const [status, response] of Object.entries(responses)) {
    expect(status).toMatch(/^([1-5](\d\d|XX)|default)$/);
    expect(response.description.length).toBeGreaterThan(0);
    for (const [type, { schema }] of Object.entries(response.content)) {
      expect(type).toMatch(/^[a-z]+\/[a-z+-]+/);
      expect(() => Compile(schema)).not.toThrow();
    }
  }
  for (const { schema } of Object.values(requestBody?.content ?? {})) expect(() => Compile(schema)).not.toThrow();
}
