/** A Dockerfile as stages of instructions, and these instructions followed in folders of this machine. */
import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { DockerfileParser, ModifiableInstruction } from 'dockerfile-ast';
import { run } from './child.js';

export interface Instruction {
  readonly keyword: string;
  readonly flags: Readonly<Record<string, string>>;
  /** All words after the flags; the texts of a JSON array. */
  readonly args: readonly string[];
  readonly isJson: boolean;
}

/** The instructions from one FROM to the next, without it. */
export interface Stage {
  readonly image: string;
  readonly name: string | null;
  readonly instructions: readonly Instruction[];
}

/** Reads a Dockerfile. A variable in it is refused: nothing here replaces one. */
export function stagesOf(text: string): Stage[] {
  const dockerfile = DockerfileParser.parse(text);
  const stages: { image: string; name: string | null; instructions: Instruction[] }[] = [];
  for (const parsed of dockerfile.getInstructions()) {
    const keyword = parsed.getKeyword();
    const flags = parsed instanceof ModifiableInstruction ? parsed.getFlags() : [];
    const byName = Object.fromEntries(flags.map((flag) => [flag.getName(), flag.getValue() ?? '']));
    const instruction = instructionOf(keyword, parsed.getArgumentsContent() ?? '', byName);
    if (keyword === 'FROM') {
      const [image = '', as, name = null] = instruction.args;
      assert.ok(as === undefined || as.toUpperCase() === 'AS', `FROM ${instruction.args.join(' ')}`);
      stages.push({ image, name, instructions: [] });
    } else {
      assert.ok(stages.length > 0, `${keyword} before the first FROM`);
      stages.at(-1)?.instructions.push(instruction);
    }
  }
  return stages;
}

function instructionOf(keyword: string, content: string, flags: Instruction['flags']): Instruction {
  // HEALTHCHECK has the word CMD before its array.
  const json = content.replace(/^CMD\s+(?=\[)/, '');
  const isJson = json.startsWith('[');
  const args: string[] = isJson ? JSON.parse(json) : keyword === 'RUN' ? [content] : content.split(/\s+/);
  assert.ok(isJson || keyword === 'RUN' || !content.includes('$'), `${keyword} has a variable: ${content}`);
  return { keyword, flags, args, isJson };
}

/** The image of the last stage, as a folder. */
export interface Image {
  /** The folder of this machine that its working directory is. */
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  readonly user: string;
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly healthcheck: readonly string[];
}

/** Follows a Dockerfile: each stage in an empty folder of its own, as if Node.js were all that its image had. */
export function followDockerfile(context: string, parent: string): Image {
  const stages = stagesOf(readFileSync(join(context, 'Dockerfile'), 'utf8'));
  const allowed = allowedBy(readFileSync(join(context, '.dockerignore'), 'utf8'));
  const roots = new Map<string, string>();
  let image: Image | null = null;
  for (const [i, stage] of stages.entries()) {
    const root = join(parent, `stage-${i}`);
    mkdirSync(root);
    roots.set(stage.name ?? String(i), root);
    image = followStage(stage, root, (from, name) => {
      if (from === undefined) return namesIn(context, name, allowed).map((found) => join(context, found));
      const other = roots.get(from);
      assert.ok(other && name.startsWith('/'), `COPY --from=${from} ${name}`);
      return [join(other, name)];
    });
  }
  assert.ok(image, 'The Dockerfile has no stage.');
  return image;
}

type Sources = (from: string | undefined, name: string) => readonly string[];

function followStage({ instructions }: Stage, root: string, sources: Sources): Image {
  const image = { folder: root, env: {} as Record<string, string>, user: 'root' };
  const commands: Record<string, readonly string[]> = {};
  for (const { keyword, flags, args } of instructions) {
    switch (keyword) {
      case 'WORKDIR':
        image.folder = join(root, args[0] as string);
        mkdirSync(image.folder, { recursive: true });
        break;
      case 'ENV':
        for (const each of args) image.env[each.split('=')[0] as string] = each.slice(each.indexOf('=') + 1);
        break;
      case 'USER':
        image.user = args[0] as string;
        break;
      case 'RUN':
        run('sh', ['-c', args[0] as string], { cwd: image.folder, env: image.env });
        break;
      case 'COPY':
        for (const name of args.slice(0, -1)) {
          for (const path of sources(flags.from, name)) copy(path, join(image.folder, args.at(-1) as string));
        }
        break;
      case 'HEALTHCHECK':
      case 'ENTRYPOINT':
      case 'CMD':
        commands[keyword] = args;
        break;
      default:
        assert.equal(keyword, 'EXPOSE', 'an instruction that is not followed here');
    }
  }
  const { ENTRYPOINT: entrypoint = [], CMD: command = [], HEALTHCHECK: healthcheck = [] } = commands;
  return { ...image, entrypoint, command, healthcheck };
}

/** The content of a folder, or a file, as COPY puts it into a folder. */
function copy(path: string, into: string): void {
  const target = statSync(path).isDirectory() ? into : join(into, basename(path));
  cpSync(path, target, { recursive: true, verbatimSymlinks: true });
}

/** Names that a pattern of COPY means. Only one with an asterisk at its end may mean none. */
function namesIn(context: string, pattern: string, allowed: readonly string[]): string[] {
  const hidden = (name: string) => `${name} is hidden from COPY by .dockerignore`;
  if (pattern.endsWith('*')) {
    return readdirSync(context).filter((name) => name.startsWith(pattern.slice(0, -1)) && allowed.includes(name));
  }
  assert.ok(existsSync(join(context, pattern)), `${pattern} is not there`);
  assert.ok(allowed.includes(pattern), hidden(pattern));
  return [pattern];
}

/** The names that a .dockerignore allows which hides everything else. */
export function allowedBy(text: string): string[] {
  const [first, ...rest] = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  assert.equal(first, '*', '.dockerignore is expected to hide everything first');
  assert.ok(
    rest.every((line) => line.startsWith('!')),
    '.dockerignore is expected to allow names after that',
  );
  return rest.map((line) => line.slice(1));
}
