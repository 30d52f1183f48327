// The table of contents: parts, and the chapters of each in their order. A chapter is a file below docs/ or, where it begins
// with "made/", one that the build makes of the schema. Its title is its first heading.
export const contents = [
  { part: 'Getting started', chapters: ['manual/index.md', 'manual/getting-started.md', 'howto/three-machines.md', 'howto/console.md'] },
  { part: 'Concepts', chapters: ['manual/concepts.md', 'instance-states.md', 'mesh.md', 'glossary.md'] },
  { part: 'Applications', chapters: ['mex.md', 'guest-sdk.md', 'native-spaces.md', 'manual/rollouts.md', 'howto/public-pages.md'] },
  { part: 'Files', chapters: ['made/topology-yaml.md', 'made/manifest-yaml.md', 'made/zhosts-yaml.md'] },
  {
    part: 'Cluster operations',
    chapters: ['manual/operations.md', 'packages.md', 'howto/three-zrms.md', 'howto/backup-with-etcd.md', 'metrics.md', 'howto/logs.md', 'howto/notices.md', 'howto/secrets.md', 'howto/devices.md', 'manual/sizing.md', 'BENCHMARKS.md'],
  },
  { part: 'Troubleshooting', chapters: ['manual/troubleshooting.md', 'manual/reasons.md', 'manual/refusals.md'] },
  { part: 'Security', chapters: ['THREATS.md'] },
  { part: 'Interfaces', chapters: ['rest.md', 'scenarios.md'] },
  {
    part: 'Specification',
    chapters: ['README', 'topology', 'lifecycle', 'change', 'machines', 'workloads', 'shell', 'observe', 'formats', 'guest-abi', 'scenario'].map((name) => `spec/${name}.md`),
  },
  {
    part: 'Inside',
    chapters: [
      ...['001-pure-core', '002-placement', '003-ordered-stops', '004-two-ends-of-a-link', '005-applications', '006-handover', '007-rollouts',
        '008-a-site-alone', '009-plans', '010-imports-across-topologies', '011-transport-security', '012-access', '013-direct-messages',
        '014-machines-by-drivers', '015-several-zrms', '016-several-clusters', '017-flight-recorder', '018-secrets', '019-devices', '020-wasm-memory-safety'].map((name) => `design/${name}.md`),
      'decisions.md', 'change-tests.md', 'DEPENDENCIES.md', ...['add-a-command', 'add-a-kind-of-space', 'add-a-rule', 'add-a-store', 'add-a-transport'].map((name) => `howto/${name}.md`),
    ],
  },
];
