// Package batch runs a job: it takes rows from a [Source], asks an [API] to revoke
// (or restore, or look up) the share that each row names, and passes one [Result]
// per row to a [Recorder]. It also lists shares, see [Job.List]. It knows nothing
// about CSV, HTTP or flags, and prints nothing.
//
// # How a run works
//
// One goroutine, the dispatcher, makes all decisions: which row is next, when a
// request may start, what follows from an answer, when to stop. It owns the whole
// state of the run, so that nothing needs a lock. The workers, an errgroup of
// [Job.Workers] goroutines, only make requests.
//
//	Source ─► dispatcher ─► workers ─► API
//	            │  ▲  ▲────── answers ◄──┘
//	            │  └─ rows waiting for their next attempt
//	            ▼
//	         Recorder
//
// The dispatcher repeats three steps: start every request that may start now, wait
// for something to happen, handle everything that has happened.
//
// A request may start when a worker is idle, the rate limiter has a token (every
// attempt takes one, reads included), and the pool is not paused. Rows that wait
// for a retry occupy no worker and take precedence over new rows; when too many of
// them wait, no new row is taken.
//
// At the start and after a pause, one request goes alone; then two go together,
// then four, then more, up to all workers. So wrong credentials cost one request,
// and a new token is not validated once per worker.
//
// When a run is stopped, nothing new is started, the requests in flight get their
// answers, and the waiting rows are given up.
package batch
