package batch

import (
	"container/heap"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v4"
)

// A task is a row on its way to its outcome, or a read: of a page of a member
// list or of the image list, or of any of them to see whether an outage is over.
type task struct {
	row       Row
	respelled *respelled // nil unless other spellings of the member matter

	list   *memberList // of which a page is read, nil for anything else
	images *imageList  // likewise
	probe  bool        // the read of an outage; its row has only the id of an image

	attempts int
	renewals int
	// lost is set when an attempt may have been applied although no answer says so.
	lost bool
	// last is the answer to the last attempt, which ran from started to ended;
	// the first one began at began.
	last                  Answer
	began, started, ended time.Time
	// settled is when the outcome became known, if later than the last attempt.
	settled time.Time

	delays *backoff.ExponentialBackOff
	due    time.Time // when the next attempt may start
}

// reads reports whether t is a read, and no row.
func (t *task) reads() bool { return t.list != nil || t.images != nil || t.probe }

// imageID is the image that t is about.
func (t *task) imageID() string {
	if t.list != nil {
		return t.list.imageID
	}
	return t.row.Pair.ImageID
}

// maxRenewals limits the expired tokens that one row may meet. Tokens that live for
// seconds expire a few times during a row's attempts; a server that refuses every
// new token for one row must not hold up the run forever.
const maxRenewals = 20

// freeTasks are finished tasks, to be reused.
type freeTasks []*task

func (s *freeTasks) put(t *task) { *s = append(*s, t) }

// take returns a task for a row that is about to be sent.
func (s *freeTasks) take(row Row) *task {
	last := len(*s) - 1
	if last < 0 {
		return &task{row: row, lost: row.Lost}
	}
	t := (*s)[last]
	*s = (*s)[:last]
	*t = task{row: row, lost: row.Lost}
	return t
}

// backoff returns how long t waits before another attempt, apart from pauses of the
// whole pool.
func (t *task) backoff() time.Duration {
	if t.delays == nil {
		t.delays = newBackoff()
	}
	return t.delays.NextBackOff()
}

// newBackoff returns growing, jittered delays without a limit on their number: the
// dispatcher counts the attempts.
func newBackoff() *backoff.ExponentialBackOff {
	return backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(InitialBackoff),
		backoff.WithMultiplier(2),
		backoff.WithRandomizationFactor(0.5),
		backoff.WithMaxInterval(MaxBackoff),
		backoff.WithMaxElapsedTime(0),
	)
}

// outcome is the outcome of t's row by its last answer, if no further attempt is
// made.
func (t *task) outcome() Outcome {
	switch m := t.last.Meaning; m {
	case Removed:
		return Revoked
	case Added:
		return Restored
	case AlreadyMember:
		return Present
	case NotAMember, NoSuchImage, AmbiguousNotFound: // these prove nothing
		return NotFound
	case Unauthorized, Renewed, Forbidden, NotShared:
		return Denied
	case Refused, Conflict, WrongEndpoint, Listed:
		return Rejected
	default:
		if t.lost {
			return Unknown
		}
		return Failed
	}
}

// result is t's result with the outcome o.
func (t *task) result(o Outcome, message string) Result {
	if t.respelled.removed() && !o.Settled() {
		message = join(message, "the share was revoked in the spelling "+strings.Join(t.respelled.gone, ", ")+", and may exist in others")
		if o == Failed || o == Skipped {
			o = Unknown // something was done
		}
	}
	if t.lost {
		message = withLoss(o, message)
	}
	finished := t.ended
	if t.settled.After(finished) {
		finished = t.settled
	}
	return Result{
		Row:        t.row,
		Outcome:    o,
		Status:     t.last.Status,
		Attempts:   t.row.PastAttempts + t.attempts,
		Duration:   t.ended.Sub(t.began),
		RequestID:  t.last.RequestID,
		Message:    message,
		FinishedAt: finished,
		Lost:       t.lost,
	}
}

// withLoss adds to a message that an earlier attempt may have been applied, and
// what that means for the outcome o.
func withLoss(o Outcome, message string) string {
	switch o {
	case Revoked, Restored:
		return message
	case Absent:
		return join(message, lostAnswer+": that attempt may have revoked it")
	case Present:
		return join(message, lostAnswer+": that attempt may have restored it")
	case Unknown:
		return join(message, "at least one attempt may have been applied: check whether the share is there")
	default:
		return join(message, lostAnswer+": it may have been applied nevertheless")
	}
}

const lostAnswer = "the answer to an earlier attempt was lost"

// SaysLost reports whether a result's message says that [Result.Lost] is set. A
// report has no column for it; only the message, and the outcome [Unknown], show
// it.
func SaysLost(message string) bool { return strings.Contains(message, lostAnswer) }

// join appends a note to the server's message.
func join(message, note string) string {
	if message == "" {
		return note
	}
	return strings.TrimSuffix(message, ".") + "; " + note
}

// retryQueue holds the waiting tasks, ordered by when they are due.
// The zero value is an empty queue.
type retryQueue struct{ tasks taskHeap }

func (q *retryQueue) len() int     { return len(q.tasks) }
func (q *retryQueue) empty() bool  { return len(q.tasks) == 0 }
func (q *retryQueue) push(t *task) { heap.Push(&q.tasks, t) }

// due is when the first task is due.
func (q *retryQueue) due() (due time.Time, ok bool) {
	if q.empty() {
		return time.Time{}, false
	}
	return q.tasks[0].due, true
}

// pop removes and returns the first task if it is due; otherwise it returns nil.
func (q *retryQueue) pop(now time.Time) *task {
	if q.empty() || q.tasks[0].due.After(now) {
		return nil
	}
	return q.popAny()
}

// popAny removes and returns the first task, due or not, or nil if there is none.
func (q *retryQueue) popAny() *task {
	if q.empty() {
		return nil
	}
	return heap.Pop(&q.tasks).(*task)
}

// taskHeap implements heap.Interface.
type taskHeap []*task

func (h taskHeap) Len() int           { return len(h) }
func (h taskHeap) Less(i, j int) bool { return h[i].due.Before(h[j].due) }
func (h taskHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *taskHeap) Push(t any)        { *h = append(*h, t.(*task)) }
func (h *taskHeap) Pop() any {
	old := *h
	last := len(old) - 1
	t := old[last]
	old[last] = nil
	*h = old[:last]
	return t
}
