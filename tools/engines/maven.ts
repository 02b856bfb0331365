/** Jars from the Maven repository that `mvn` is set up for. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from './run.ts';

/** `group:artifact:version`, with all that they need at run time, into the folder. */
export function copyJars(artifacts: readonly string[], folder: string): Promise<void> {
  return withDependencies(artifacts, 'jar', ['dependency:copy-dependencies', `-DoutputDirectory=${folder}`]);
}

/** What is in the zip `group:artifact:version`, into the folder. */
export function unpackZip(artifact: string, folder: string): Promise<void> {
  const alone = '-DexcludeTransitive=true';
  return withDependencies([artifact], 'zip', ['dependency:unpack-dependencies', alone, `-DoutputDirectory=${folder}`]);
}

async function withDependencies(
  artifacts: readonly string[],
  type: 'jar' | 'zip',
  goal: readonly string[],
): Promise<void> {
  const scratch = await mkdtemp(join(tmpdir(), 'spillway-pom-'));
  try {
    await writeFile(join(scratch, 'pom.xml'), pom(artifacts, type));
    await run('mvn', ['-q', '-B', '-f', join(scratch, 'pom.xml'), ...goal, '-DincludeScope=runtime']);
  } finally {
    await rm(scratch, { recursive: true });
  }
}

function pom(artifacts: readonly string[], type: 'jar' | 'zip'): string {
  const dependencies = artifacts.map((artifact) => {
    const [group, name, version] = artifact.split(':');
    const members = { groupId: group, artifactId: name, version, type };
    const lines = Object.entries(members).map(([member, value]) => `<${member}>${value}</${member}>`);
    return `<dependency>${lines.join('')}</dependency>`;
  });
  return `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>local</groupId><artifactId>engine</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    ${dependencies.join('\n    ')}
  </dependencies>
</project>
`;
}
