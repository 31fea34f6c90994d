// Old Nodes have to be able to read this file, so it is plain ES2018 and imports nothing.
const needed = 24
const major = Number(process.versions.node.split('.')[0])

if (!(major >= needed)) {
  console.error(
    `Tollgate needs Node ${needed} or later and this is Node ${process.versions.node}; npm ci brings a fitting one along, so start it with npm.`,
  )
  process.exit(1)
}
