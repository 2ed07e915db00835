/** Names of permissions and of what the audit tells, as people say them; a code that is not known stays a code. */
import { knows, say } from '@/locales'

/** `cases.close_case` as "close a case"; a pattern such as `cases.*` names its module. */
export function permissionName(code: string): string {
  const [module = '', verb = ''] = code.split('.')
  if (verb === '*' && knows(`permissions.modules.${module}`)) return say('permissions.all_of', { module: say(`permissions.modules.${module}`) })
  return knows(`permissions.${module}.${verb}`) ? say(`permissions.${module}.${verb}`) : code
}

/** A part of SCOC that acted by itself under its name: `system:intake` as "Intake, by itself"; people as they are. */
export function actorName(username: string | null | undefined): string {
  const part = username?.startsWith('system:') ? username.slice('system:'.length) : ''
  if (!part) return username ?? ''
  return say('permissions.by_itself', { module: knows(`permissions.modules.${part}`) ? say(`permissions.modules.${part}`) : part })
}
