package batch

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"golang.org/x/sync/errgroup"
)

// Defaults of a [Job].
const (
	// DefaultWorkers is enough for 100 requests a second at 80 ms each.
	DefaultWorkers = 8
	// DefaultRate, in requests a second, stays below the smallest limit of a
	// public cloud that we know of, 200 requests a minute.
	DefaultRate = 3.0
	// DefaultAttempts rides out some seconds of trouble on one row.
	DefaultAttempts = 5
	// DefaultAttemptTimeout is above the time-outs of the usual gateways, so
	// that their 504 arrives before we hang up.
	DefaultAttemptTimeout = 30 * time.Second
	// DefaultOutagePatience is longer than the restart of a control plane.
	DefaultOutagePatience = 10 * time.Minute
	// DefaultMaxFailures stops a run in which one row in five fails.
	DefaultMaxFailures = "20%"

	// InitialBackoff and MaxBackoff bound the wait before a further attempt
	// for a row, before the jitter of up to half of it either way.
	InitialBackoff = 500 * time.Millisecond
	MaxBackoff     = 30 * time.Second
	// MaxRetryAfter is the longest that a server's Retry-After is believed.
	MaxRetryAfter = 5 * time.Minute
	// MaxWaiting is how many rows may wait for a further attempt before no
	// new row is taken: a bound on memory, not on the work.
	MaxWaiting = 1 << 16
)

// Unlimited is the rate of a job that is not paced.
const Unlimited = math.MaxFloat64

// A Job says how rows are to be worked on. The zero value of each limit means
// that there is none; the other fields must be set, see [Job.Validate].
type Job struct {
	// Workers is how many requests may be in flight at once.
	Workers int
	// Rate is how many requests a second may start, over all workers, every
	// attempt and every read counted; or [Unlimited]. A lower limit that the
	// server names takes its place for a while.
	Rate float64
	// Attempts is how many attempts one row may take, and one page of a member
	// list. A row that is sent again in another spelling of its member has as
	// many again. One that was refused because the token had expired is not
	// counted.
	Attempts int
	// AttemptTimeout bounds one attempt, from dialling to the end of the body.
	AttemptTimeout time.Duration
	// OutagePatience is how long an outage is waited out: a time in which the
	// server does nothing for anybody. When it is over the run stops. Without
	// it, rows spend their attempts on an outage.
	OutagePatience time.Duration
	// MaxDuration is the time after which nothing new is started.
	MaxDuration time.Duration
	// Drain is how long the requests in flight may still take once the run
	// stops, for whatever reason. Those that are not answered by then are cut
	// off. Without it AttemptTimeout alone bounds them.
	Drain time.Duration
	// MaxFailures is how many rows may fail before the run stops.
	MaxFailures Allowance
	// Settled is how many rows an earlier run has settled that this one goes on
	// with. They count as finished where the failures of this run are judged.
	Settled int
	// Pace, if set, carries what a run learns of the server's limits over to the
	// next one.
	Pace *Pace
	// Notify, if set, is told of what happens. It is called by one goroutine
	// at a time and holds up the run until it returns.
	Notify func(Event)
	// OnList, if set, is called with each member list that was read: how many
	// projects it holds, -1 if that is not known to be all of them, and the
	// last answer. It is called as Notify is.
	OnList func(imageID string, projects int, answer Answer)
}

// An Event is something that an operator may want to hear of during a run.
type Event struct {
	// Row is the row that was answered; nil for a read, which serves several. It
	// is good until Notify returns.
	Row *Row
	// Answer is what came.
	Answer Answer
	// Took is how long the request took.
	Took time.Duration
	// RetryIn is how long the row waits for its next attempt, 0 when there is
	// none to come or it comes at once.
	RetryIn time.Duration
	// PausedFor is how long the answer keeps the whole pool from starting
	// requests, 0 when it does not.
	PausedFor time.Duration
	// Rate is the pace, in requests a second, when the answer has changed it.
	Rate float64
	// Limit is the limit that the server has named, in requests a second, when
	// the run keeps to it for now.
	Limit float64
	// Outage is for how long the server has served nobody, while that is taken
	// for an outage.
	Outage time.Duration
}

// A Pace is what runs have learnt of the limits of a server. The zero Pace is
// that of a server that nothing is known of. Only one run at a time may use it,
// and all of them must have the same [Job.Rate].
type Pace struct{ learnt *pace }

// Summary counts what a run did. What became of each row is told to the
// [Recorder], not counted here.
type Summary struct {
	// Requests counts the requests made, Reads those of them that asked for a
	// list.
	Requests int `json:"requests"`
	Reads    int `json:"reads"`
	// Retries counts those of the requests that tried again what an earlier one
	// had not settled, but for those that an expired token was the reason for.
	Retries int `json:"retries"`
	// Throttled counts the answers that said "too many requests".
	Throttled int `json:"throttled"`
	// Renewals counts the requests that were refused because their token had
	// expired.
	Renewals int `json:"renewals"`
	// Limit is the last limit that the server has named and the run has kept to
	// for a while, in requests a second; 0 when there was none below [Job.Rate].
	Limit float64 `json:"limit_per_second,omitempty"`
}

// Add adds what a later run did.
func (s *Summary) Add(later Summary) {
	s.Requests += later.Requests
	s.Reads += later.Reads
	s.Retries += later.Retries
	s.Throttled += later.Throttled
	s.Renewals += later.Renewals
	if later.Limit > 0 {
		s.Limit = later.Limit
	}
}

// Why a run ended before its last row. Run's error wraps one of them, or the
// cause of the context's end, or the error of the source.
var (
	// ErrUnauthorized: the server refuses the credentials.
	ErrUnauthorized = errors.New("the credentials are refused")
	// ErrWrongEndpoint: nothing of the kind is served at the endpoint.
	ErrWrongEndpoint = errors.New("the endpoint is wrong")
	// ErrMisconfigured: no request can get through, and none has.
	ErrMisconfigured = errors.New("cannot reach the Image API")
	// ErrSameRefusal: everything so far ended in the same refusal.
	ErrSameRefusal = errors.New("the same refusal for every row")
	// ErrTooManyFailures: more rows failed than allowed.
	ErrTooManyFailures = errors.New("too many failures")
	// ErrTimeBudget: the time that the run was given is over.
	ErrTimeBudget = errors.New("the time budget is spent")
	// ErrOutage: the server served nobody for too long.
	ErrOutage = errors.New("the server does not come back")
	// ErrRecorder: a result could not be recorded.
	ErrRecorder = errors.New("a result cannot be recorded")
	// ErrSource: the input could not be read to its end.
	ErrSource = errors.New("the input cannot be read")
)

// Validate reports the first field that cannot be worked with, or nil.
func (j *Job) Validate() error {
	switch {
	case j.Workers < 1:
		return fmt.Errorf("workers: %d is not a positive number", j.Workers)
	case !(j.Rate > 0):
		return fmt.Errorf("rate: %v is not a positive number", j.Rate)
	case j.Attempts < 1:
		return fmt.Errorf("attempts: %d is not a positive number", j.Attempts)
	case j.AttemptTimeout <= 0:
		return fmt.Errorf("attempt timeout: %v is not a positive duration", j.AttemptTimeout)
	case j.OutagePatience < 0:
		return fmt.Errorf("outage patience: %v is negative", j.OutagePatience)
	case j.MaxDuration < 0:
		return fmt.Errorf("max duration: %v is negative", j.MaxDuration)
	case j.Drain < 0:
		return fmt.Errorf("drain: %v is negative", j.Drain)
	}
	return nil
}

// Run withdraws the share that each row of src names. It returns nil when the source was read to
// its end and every row of it was recorded, whatever became of the rows: what
// happens to a row is a [Result], never an error.
//
// When ctx ends, or a limit of the job is reached, nothing new is started, the
// requests under way get their answers within [Job.Drain], the rows
// that were waiting are recorded as [Skipped] or [Unknown], and the error says
// why the run ended; rows that were never attempted are not recorded.
//
// A Job without a [Job.Pace] may be used for several runs at once.
func (j *Job) Run(ctx context.Context, src Source, api API, rec Recorder) (Summary, error) {
	return j.dispatch(ctx, withdrawal, src, api, rec, nil)
}

// Restore shares again what every row of src names: its image, with its member.
// All else is as with [Job.Run]. What the share was before nobody remembers: the
// member finds it pending, and has to accept it.
func (j *Job) Restore(ctx context.Context, src Source, api API, rec Recorder) (Summary, error) {
	return j.dispatch(ctx, restoration, src, api, rec, nil)
}

// Check reads the member list of each image that src names, once for an image
// as a rule, and records of each row whether its share still exists: [Shared]
// or [Absent], or why that cannot be told. It changes nothing, so that nothing
// is begun with [Recorder.Begin]. The job's pace, attempts and time limits hold
// as for [Job.Run]; failures do not stop it.
func (j *Job) Check(ctx context.Context, src Source, api API, rec Recorder) (Summary, error) {
	return j.dispatch(ctx, lookup, src, api, rec, nil)
}

// dispatch does the work; prepare, unless nil, makes the dispatcher ready for it.
func (j *Job) dispatch(ctx context.Context, op *operation, src Source, api API, rec Recorder, prepare func(*dispatcher)) (Summary, error) {
	if err := j.Validate(); err != nil {
		return Summary{}, err
	}
	d := newDispatcher(j, op, src, rec)
	if prepare != nil {
		prepare(d)
	}
	// What is under way is finished even when ctx ends, within the drain.
	inFlight, cutOff := context.WithCancel(context.WithoutCancel(ctx))
	defer cutOff()
	d.cutOff = cutOff
	g, attempts := errgroup.WithContext(inFlight)
	for range j.Workers {
		g.Go(func() error {
			work(attempts, api, op, j.AttemptTimeout, d.tasks, d.done)
			return nil
		})
	}
	g.Go(func() error {
		defer close(d.tasks)
		return d.run(ctx)
	})
	err := g.Wait()
	return d.summary, err
}

// A reply is what came of an attempt.
type reply struct {
	task   *task
	answer Answer
	page   Page
	images ImagePage
	at     time.Time
}

// work makes the requests of tasks until the channel is closed.
func work(ctx context.Context, api API, op *operation, timeout time.Duration, tasks <-chan *task, done chan<- reply) {
	limit := deadline{parent: ctx, timeout: timeout}
	defer limit.close()
	for t := range tasks {
		r := reply{task: t}
		attempt := limit.begin()
		switch {
		case t.images != nil:
			r.images, r.answer = api.Images(attempt, t.images.query, t.images.cursor)
		case t.probe:
			_, r.answer = api.Members(attempt, t.imageID(), "")
		case t.list != nil:
			r.page, r.answer = api.Members(attempt, t.imageID(), t.list.next())
		default:
			r.answer = op.send(api, attempt, t.sent())
		}
		limit.end()
		r.at = time.Now()
		done <- r
	}
}
