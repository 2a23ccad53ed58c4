// Fetches npm tarballs with the npm client's own library (pacote) and the user's npm configuration; runs no script.
//
// usage: node npm_get.mjs WANTED.jsonl LOG.jsonl FOLDER [PARALLEL]
// WANTED: {"name","version"|"latest","set"} a line. Each tarball goes to FOLDER/<set>/, as the registry serves it, its
// integrity checked. LOG gets a line a wanted release: version, filename, sha256, size, published, previous (the
// release before it in version order, of the same channel), or error. Names in the log are skipped, so a run resumes.
import { createHash } from 'node:crypto'
import { execFileSync } from 'node:child_process'
import { createRequire } from 'node:module'
import fs from 'node:fs'
import path from 'node:path'

const MOST_BYTES = 40_000_000
const npm = path.join(execFileSync('npm', ['root', '-g']).toString().trim(), 'npm')
const require = createRequire(path.join(npm, 'lib', 'npm.js'))
const pacote = require('pacote')
const semver = require('semver')
const Config = require('@npmcli/config')
const { definitions, flatten, shorthands, nerfDarts } = require('@npmcli/config/lib/definitions')
const config = new Config({ npmPath: npm, definitions, flatten, shorthands, nerfDarts, argv: [process.argv[0], 'npm'] })
await config.load()
const [wantedFile, logFile, folder, parallel = '8'] = process.argv.slice(2)
const options = { ...config.flat, fullMetadata: true, preferOffline: false, fetchRetries: 3, ignoreScripts: true, allowGit: 'none', cache: path.join(folder, '..', '.npm-cache') }

const lines = file => (fs.existsSync(file) ? fs.readFileSync(file, 'utf8').split('\n').filter(Boolean).map(line => JSON.parse(line)) : [])
const key = entry => `${entry.name}@${entry.wanted ?? entry.version}`
const done = new Set(lines(logFile).map(key))
const queue = lines(wantedFile).filter(entry => !done.has(key(entry)))
const log = fs.createWriteStream(logFile, { flags: 'a' })

/** The release before `version`: the greatest lower one that is published, not deprecated, and as stable as it. */
function previous (packument, version) {
  const stable = !semver.prerelease(version)
  return Object.keys(packument.versions ?? {})
    .filter(v => semver.valid(v) && semver.lt(v, version) && !packument.versions[v].deprecated && (!stable || !semver.prerelease(v)))
    .sort(semver.rcompare)[0] ?? null
}

async function get (wanted) {
  const packument = await pacote.packument(wanted.name, options)
  const version = wanted.version === 'latest' ? packument['dist-tags']?.latest : wanted.version
  const manifest = packument.versions?.[version]
  if (!manifest) throw new Error(`no version ${version}`)
  if ((manifest.dist.unpackedSize ?? 0) > 10 * MOST_BYTES) throw new Error('larger than the lab takes')
  const tarball = await pacote.tarball(`${wanted.name}@${version}`, { ...options, integrity: manifest.dist.integrity })
  if (tarball.length > MOST_BYTES) throw new Error('larger than the lab takes')
  const filename = `${wanted.name.replace('/', '+')}-${version}.tgz`
  const target = path.join(folder, wanted.set)
  fs.mkdirSync(target, { recursive: true })
  fs.writeFileSync(path.join(target, filename + '.part'), tarball)
  fs.renameSync(path.join(target, filename + '.part'), path.join(target, filename))
  const order = Object.entries(packument.time ?? {}).filter(([v]) => v !== 'created' && v !== 'modified')
  return { version, filename, sha256: createHash('sha256').update(tarball).digest('hex'), size: tarball.length, published: packument.time?.[version] ?? null,
    previous: previous(packument, version), releases: order.length, first: packument.time?.created ?? null, latest: packument['dist-tags']?.latest ?? null }
}

let finished = 0
async function worker () {
  for (let wanted; (wanted = queue.shift());) {
    const entry = { name: wanted.name, wanted: wanted.version, set: wanted.set }
    try {
      Object.assign(entry, await get(wanted))
    } catch (error) {
      entry.error = String(error.code ?? error.message).slice(0, 200).replace(/https?:\/\/\S+/g, 'the registry')
    }
    log.write(JSON.stringify(entry) + '\n')
    if (++finished % 200 === 0) console.error(`${finished} done, ${queue.length} to go`)
  }
}
await Promise.all(Array.from({ length: Number(parallel) }, worker))
log.end()
