// What an answer that is no success means for an upload.

export class Fault extends Error {
  // action: what to do now (below). message: the server's own sentence in the reader's language;
  // title: one in whichever language.
  constructor(action, { status = 0, code = "", message = "", title = "", ...more } = {}) {
    super(message || title || `${action} ${status}`);
    const { retryAfter = 0, files, reasons } = more;
    Object.assign(this, { action, status, code, told: message, title, retryAfter, files, reasons });
  }
}

const WAIT = new Set([408, 423, 425, 429, 502, 503, 504]);
const ASK = new Set(["offset-conflict", "upload-complete"]);
const OVER = new Set(["length-mismatch", "digest-mismatch", "upload-not-found", "blob-conflict"]);

// The actions:
//   retry    try again after a while, for as long as it takes
//   doubt    try again after a while, a few times
//   ask      ask how far the upload is, and go on from there
//   yield    another connection writes the upload: let it, and look again later
//   restart  begin anew
//   shrink   a proxy on the way finds the body too large: send less at once
//   token    the form's token is stale: get another
//   sign-in  nobody is signed in any more
//   refuse   tell why; nothing to be done about it by itself
export function actionOf(status, code, isUpload) {
  if (status === 0) return "retry";
  if (status === 401 || code === "sign-in-required") return "sign-in";
  if (code === "cross-site-request") return "token";
  if (status === 413) return code ? "refuse" : "shrink";
  if (code === "too-many-uploads") return "doubt";
  if (code === "upload-taken-over") return "yield";
  // Locked is what another connection writes, for a moment, or what somebody works on, for long.
  if (status === 423 && code && code !== "upload-busy") return "refuse";
  if (WAIT.has(status)) return "retry";
  if (OVER.has(code) || status === 460) return "restart";
  if (isUpload && (status === 404 || status === 410)) return "restart";
  if (isUpload && status === 409) return !code || ASK.has(code) ? "ask" : "refuse";
  return status >= 500 && status !== 507 ? "doubt" : "refuse";
}

// Read an answer; isUpload where it is about an upload that was begun, not about a new one.
export function faultOf(answer, isUpload = false) {
  const problem = problemOf(answer);
  const code = problem.code ?? "";
  const seconds = Number(answer.header("Retry-After"));
  return new Fault(actionOf(answer.status, code, isUpload), {
    status: answer.status,
    code,
    message: problem.detail,
    title: problem.title,
    retryAfter: seconds > 0 ? Math.min(seconds, 300) * 1000 : 0,
    files: problem.files,
    reasons: problem.reasons,
  });
}

// RFC 9457; what a proxy says by itself is no problem document.
function problemOf(answer) {
  if (!/\bjson\b/.test(answer.header("Content-Type") ?? "")) return {};
  try {
    return Object(JSON.parse(answer.text));
  } catch {
    return {};
  }
}
