/** The front end's own rules: modules stay apart, and only `src/api` talks to the server. */

const NETWORK = new Set(['fetch', 'EventSource', 'XMLHttpRequest', 'WebSocket', 'SharedWorker', 'sendBeacon'])

const KEYED = new Set(['Property', 'PropertyDefinition', 'MethodDefinition', 'TSPropertySignature', 'TSMethodSignature'])

const place = (file) => file.replaceAll('\\', '/').match(/\/src\/(.*)$/)?.[1] ?? ''

const moduleOf = (path) => path.match(/^modules\/([^/]+)/)?.[1] ?? null

/** The path below `src/` that an import names, or null when it points outside. */
function target(from, source) {
  if (source.startsWith('@/')) return source.slice(2)
  if (!source.startsWith('.')) return null
  const parts = from.split('/').slice(0, -1)
  for (const part of source.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '.') parts.push(part)
  }
  return parts.join('/')
}

const modulesApart = {
  meta: {
    type: 'problem',
    schema: [],
    messages: {
      apart: "'modules/{{from}}' may not import 'modules/{{to}}': move what both need to ui/, stores/ or api/.",
      up: "'{{layer}}' may not import 'modules/{{to}}': modules stand above it.",
      shell: "'{{layer}}' may not import the shell: the shell stands above it.",
    },
  },
  create(context) {
    const from = place(context.filename)
    const own = moduleOf(from)
    const layer = from.split('/')[0]
    const check = (node) => {
      const source = node.source?.value
      if (typeof source !== 'string') return
      const to = target(from, source)
      if (to === null) return
      const other = moduleOf(to)
      if (other && own && other !== own) {
        context.report({ node, messageId: 'apart', data: { from: own, to: other } })
      } else if (other && ['api', 'ui', 'stores', 'locales'].includes(layer)) {
        context.report({ node, messageId: 'up', data: { layer, to: other } })
      } else if (to.startsWith('shell') && ['api', 'ui', 'stores', 'locales', 'modules'].includes(layer)) {
        context.report({ node, messageId: 'shell', data: { layer } })
      }
    }
    return {
      ImportDeclaration: check,
      ImportExpression: check,
      ExportNamedDeclaration: check,
      ExportAllDeclaration: check,
    }
  },
}

const onlyApiFetches = {
  meta: {
    type: 'problem',
    schema: [],
    messages: { network: "'{{name}}' belongs in src/api: call a function of src/api instead." },
  },
  create(context) {
    if (place(context.filename).startsWith('api/')) return {}
    const report = (node, name) => context.report({ node, messageId: 'network', data: { name } })
    return {
      Identifier(node) {
        if (!NETWORK.has(node.name)) return
        const parent = node.parent
        const isKey = KEYED.has(parent.type) && parent.key === node && !parent.computed
        const isMember = parent.type === 'MemberExpression' && parent.property === node && !parent.computed
        const global = ['window', 'globalThis', 'self', 'navigator']
        if (isMember && !(parent.object.type === 'Identifier' && global.includes(parent.object.name))) return
        if (!isKey) report(node, node.name)
      },
      ImportDeclaration(node) {
        if (node.source.value === 'openapi-fetch') report(node, 'openapi-fetch')
      },
    }
  },
}

export default { rules: { 'modules-apart': modulesApart, 'only-api-fetches': onlyApiFetches } }
