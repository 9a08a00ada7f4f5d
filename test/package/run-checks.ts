/**
 * What a user gets: builds, packs, installs the tarball into empty projects, compiles, runs and bundles there. Prints a
 * line for each check and at the end the counts. Needs a package registry.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Checks } from './checks.js';
import { runTool } from './child.js';
import { checkImage } from './image.js';
import {
  checkErrorsAcrossCopies,
  checkIdle,
  checkMissingDriver,
  checkMissingPeer,
  checkNoPeerIsAskedFor,
  SUBPATHS_WITH_PEER,
} from './loading.js';
import {
  bundleAndRun,
  compileAndRun,
  compileWithoutNodeTypes,
  createProject,
  type Project,
  runProgram,
  SMOKE,
} from './projects.js';
import { followReadme } from './readme-folder.js';
import { ROOT } from './source-files.js';
import {
  areTheTypesWrong,
  checkContents,
  checkExports,
  checkNamedPackages,
  checkNothingIsBundled,
  pack,
  publint,
  type Tarball,
} from './tarball.js';

const checks = new Checks();
const folder = mkdtempSync(join(tmpdir(), 'credit-package-'));

async function checkTarball(built: true | undefined): Promise<Tarball | undefined> {
  const tarball = await checks.run('npm packs the package', () => pack(folder), built);
  const packed = tarball as Tarball;
  await checks.run('the tarball holds what it should and nothing else', () => checkContents(packed), tarball);
  await checks.run('"exports", the tarball and the entries of tsup agree', () => checkExports(packed), tarball);
  await checks.run('zod and pino are not bundled, CJS is not compiled down', checkNothingIsBundled, built);
  await checks.run('the entries name no package but zod and pino', checkNamedPackages, built);
  await checks.run('publint --strict', () => publint(packed), tarball);
  await checks.run('attw --profile node16', () => areTheTypesWrong(packed), tarball);
  return tarball;
}

async function checkProject(kind: Project['kind'], tarball: Tarball | undefined): Promise<Project | undefined> {
  const create = () => createProject(kind, folder, tarball as Tarball);
  const made = await checks.run(`npm installs the tarball into an empty ${kind} project`, create, tarball);
  const project = made as Project;
  await checks.run(`a ${kind} TypeScript project compiles and runs it`, () => compileAndRun(project), made);
  await checks.run(`a ${kind} project compiles without @types/node`, () => compileWithoutNodeTypes(project), made);
  return made;
}

async function checkLoading(esm: Project | undefined, cjs: Project | undefined): Promise<void> {
  const project = esm as Project;
  for (const format of ['esm', 'cjs'] as const) {
    await checks.run(`loading opens and starts nothing (${format})`, () => checkIdle(project, format), esm);
  }
  const recognise = () => checkErrorsAcrossCopies(project, cjs as Project);
  await checks.run('the program runs where the package is installed', () => runProgram(project), esm);
  await checks.run('copies recognise each other’s errors', recognise, esm, cjs);
  await checks.run('no optional peer is asked for', () => checkNoPeerIsAskedFor(project), esm);
  await checks.run('a driver that is missing is named at first use', () => checkMissingDriver(project), esm);
  for (const each of SUBPATHS_WITH_PEER) {
    await checks.run(`./${each.subpath} says that ${each.peer} is missing`, () => checkMissingPeer(project, each), esm);
  }
  const empty = join(folder, 'bundles');
  mkdirSync(empty);
  for (const name of SMOKE) {
    for (const format of ['esm', 'cjs'] as const) {
      const bundle = () => bundleAndRun(project, name, format, empty);
      await checks.run(`esbuild bundles ${name} as ${format}, and the bundle runs`, bundle, esm);
    }
  }
}

try {
  const built = await checks.run('tsup builds', (): true => {
    runTool('tsup', [], { cwd: ROOT });
    return true;
  });
  const tarball = await checkTarball(built);
  const esm = await checkProject('module', tarball);
  const cjs = await checkProject('commonjs', tarball);
  await checkLoading(esm, cjs);
  await checks.run(
    'README.md works as written in an empty folder',
    () => followReadme(folder, tarball as Tarball),
    tarball,
  );
  const image = () => checkImage(tarball as Tarball);
  await checks.run('the steps of the Dockerfile make a service that its smoke script finds at work', image, tarball);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
checks.finish();
