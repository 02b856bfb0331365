// The import rules of docs/architecture.md. A folder may import only what stands below it.
const areas = ['collect', 'process', 'search', 'events', 'archive', 'mirror'];
/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'areas-meet-in-the-queue-or-in-roles',
      comment: `${areas.join(', ')} do not import each other.`,
      severity: 'error',
      from: { path: `^src/(${areas.join('|')})/` },
      to: { path: `^src/(${areas.join('|')})/`, pathNot: '^src/$1/' },
    },
    {
      name: 'lib-imports-nothing-of-ours',
      severity: 'error',
      from: { path: '^src/lib/' },
      to: { path: '^src/(?!lib/)' },
    },
    {
      name: 'event-imports-lib-only',
      severity: 'error',
      from: { path: '^src/event/' },
      to: { path: '^src/(?!event/|lib/)' },
    },
    {
      name: 'queue-imports-event-and-lib',
      severity: 'error',
      from: { path: '^src/queue/' },
      to: { path: '^src/(?!queue/|event/|lib/)' },
    },
    {
      name: 'query-has-no-io',
      severity: 'error',
      from: { path: '^src/query/', pathNot: '\\.(test|fuzz)\\.ts$' },
      to: { path: '^(node:|fs$|net$|src/(?!query/|event/|lib/))' },
    },
    {
      name: 'config-imports-lib-only',
      severity: 'error',
      from: { path: '^src/config/' },
      to: { path: '^src/(?!config/|lib/)' },
    },
    {
      name: 'areas-stand-on-ports-only',
      severity: 'error',
      from: { path: `^src/(${areas.join('|')}|monitor)/` },
      to: { path: '^src/(roles|cli|api)/' },
    },
    {
      name: 'api-imports-no-engine',
      severity: 'error',
      from: { path: '^src/api/', pathNot: '\\.test\\.ts$' },
      to: { path: '^src/(roles|cli|collect|process|search/(clickhouse|opensearch)|queue/(segment-log|kafka))/' },
    },
    {
      name: 'roles-import-no-cli-nor-doctor',
      severity: 'error',
      from: { path: '^src/roles/' },
      to: { path: '^src/(doctor|cli)/' },
    },
    {
      name: 'doctor-imports-no-cli',
      severity: 'error',
      from: { path: '^src/doctor/', pathNot: '\\.test\\.ts$' },
      to: { path: '^src/cli/' },
    },
    {
      name: 'only-cli-and-supervisor-start-roles',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(roles|doctor|cli)/|\\.test\\.ts$' },
      to: { path: '^src/(roles|doctor|cli)/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    moduleSystems: ['es6'],
    enhancedResolveOptions: { extensions: ['.ts', '.tsx', '.js', '.mjs'] },
  },
};
