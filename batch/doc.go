// Package batch runs the job: it takes rows from a [Source], asks an [API] to
// withdraw the share that each one names, or to make it again, and hands one
// [Result] for each to a [Recorder]. It knows nothing of CSV, HTTP or flags, and
// prints nothing.
//
// # How a run works
//
// One goroutine, the dispatcher, decides everything: which row comes next,
// when a request may start, what an answer leads to, when to stop. It owns all
// the state of the run, so none of it needs a lock. The workers, an errgroup
// of [Job.Workers] goroutines, make requests and do nothing else.
//
//	Source ─► dispatcher ─► workers ─► API
//	            │  ▲  ▲────── answers ◄──┘
//	            │  └─ rows waiting for their next attempt
//	            ▼
//	         Recorder
//
// The dispatcher goes round a loop of three steps: start every request that
// may start now, wait for something to happen, act on all that has happened.
//
// A request may start when a worker is idle, when the pace has a token for it
// (every attempt takes one, reads too), and when the pool is not paused. Rows
// that wait for another attempt hold no worker; they go before new rows, and
// when too many of them wait, no new row is taken.
//
// The first request goes alone, and so does the first one after a pause; then
// two go together, then four, then all workers, the first 64 of them at once and
// the others at intervals. A server that refuses the credentials, or everything,
// is asked once and not by all workers together, and one that has to ask
// elsewhere whether a token is good does not ask for each worker.
//
// A run that is told to stop starts nothing new, waits for the answers to the
// requests under way, and gives up the rows that wait.
package batch
