/** The letter that makes each move; none of them is a letter of the list. */
const LETTERS: Record<string, string> = {
  accept_case: 'A',
  file_case: 'L',
  dispatch_case: 'P',
  sign_case: 'G',
  feed_back: 'B',
  send_to_check: 'H',
  pass_check: 'Y',
  rework_case: 'R',
  close_case: 'O',
}

export const letterOf = (move: string): string => LETTERS[move] ?? ''
