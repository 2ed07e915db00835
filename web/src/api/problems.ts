/** What goes wrong, in one shape: RFC 9457 problems, with the field and the remedy. */

export interface FieldProblem {
  field: string
  message: string
  remedy: string
}

export class Problem extends Error {
  readonly status: number
  readonly code: string
  readonly errors: FieldProblem[]
  readonly correlation: string

  constructor(status: number, code: string, detail: string, errors: FieldProblem[] = [], correlation = '') {
    super(detail)
    this.name = 'Problem'
    this.status = status
    this.code = code
    this.errors = errors
    this.correlation = correlation
  }

  /** What the server said about one field. */
  of(field: string): FieldProblem | undefined {
    return this.errors.find((error) => error.field === field || error.field.endsWith(`.${field}`))
  }
}

const isText = (value: unknown): value is string => typeof value === 'string'

/** A problem from an answer's body; an answer of another shape keeps its status. */
export function problemOf(status: number, body: unknown): Problem {
  if (body && typeof body === 'object' && 'code' in body) {
    const known = body as Record<string, unknown>
    const errors = Array.isArray(known.errors) ? (known.errors as FieldProblem[]) : []
    return new Problem(
      status,
      isText(known.code) ? known.code : 'unknown',
      isText(known.detail) ? known.detail : '',
      errors,
      isText(known.correlation) ? known.correlation : '',
    )
  }
  return new Problem(status, status >= 500 ? 'fault' : 'unknown', '')
}

/** Whatever was thrown, as a problem. A network that does not answer has the code `unreachable`. */
export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error
  if (error instanceof TypeError) return new Problem(0, 'unreachable', '')
  return new Problem(0, 'fault', error instanceof Error ? error.message : String(error))
}
