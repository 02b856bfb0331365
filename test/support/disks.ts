/** File systems of a test's own: mounted by root, in a folder of their own, gone with `dispose()`. */
import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findProgram } from './needs.ts';

export class TestDisks {
  readonly folder = mkdtempSync(join(tmpdir(), 'spillway-disks-'));
  readonly #mounted: string[] = [];

  /** In memory; the path it is mounted at. */
  tmpfs(name: string, size: string): string {
    return this.#mount(name, ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs']);
  }

  /** In a sparse file, which takes only what is written to it. */
  ext4(name: string, sizeBytes: number, below = this.folder): { readonly path: string; readonly image: string } {
    const image = this.#image(below, name, sizeBytes);
    run('mkfs.ext4', '-q', '-F', image);
    return { path: this.mountImage(name, image), image };
  }

  /** One whose files can be copied at one point in time. */
  xfs(name: string, sizeBytes: number): string {
    const image = this.#image(this.folder, name, sizeBytes);
    run('mkfs.xfs', '-q', '-m', 'reflink=1', image);
    return this.mountImage(name, image);
  }

  mountImage(name: string, image: string): string {
    return this.#mount(name, ['-o', 'loop', image]);
  }

  unmount(path: string): void {
    run('umount', path);
    this.#mounted.splice(this.#mounted.indexOf(path), 1);
  }

  dispose(): void {
    for (const path of this.#mounted.toReversed()) this.unmount(path);
    rmSync(this.folder, { recursive: true, force: true });
  }

  #mount(name: string, what: readonly string[]): string {
    const path = join(this.folder, name);
    mkdirSync(path);
    run('mount', ...what, path);
    this.#mounted.push(path);
    return path;
  }

  #image(folder: string, name: string, sizeBytes: number): string {
    const image = join(folder, `${name}.img`);
    closeSync(openSync(image, 'wx'));
    truncateSync(image, sizeBytes);
    return image;
  }
}

/** Throws with what the program says. */
export function run(program: string, ...args: readonly string[]): string {
  return execFileSync(findProgram(program) ?? program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Takes space without writing it. */
export function takeSpace(path: string, sizeBytes: number): void {
  run('fallocate', '-l', String(sizeBytes), path);
}
