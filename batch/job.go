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

// A Job says how to process rows. A limit of zero means no limit; all other fields
// must be set, see [Job.Validate].
type Job struct {
	// Workers is the maximum number of requests in flight.
	Workers int
	// Rate is the maximum number of requests started per second by all workers
	// together, every attempt and every read counted, or [Unlimited]. A lower limit
	// named by the server replaces it for a while.
	Rate float64
	// Attempts limits the attempts for one row, or for one page of a list. A row that
	// is sent again in another spelling of its member has as many again. Attempts
	// refused because the token had expired do not count.
	Attempts int
	// AttemptTimeout limits one attempt, from dialling to the end of the body.
	AttemptTimeout time.Duration
	// OutagePatience is how long the server may serve nothing, whatever it answers,
	// before the run stops. Without it, rows use up their attempts in an outage.
	OutagePatience time.Duration
	// MaxDuration is the time after which nothing new is started.
	MaxDuration time.Duration
	// Drain is how long the requests in flight may take once the run is stopped, for
	// whatever reason; then they are cancelled. Without it, only AttemptTimeout
	// limits them.
	Drain time.Duration
	// MaxFailures limits how many rows may fail before the run stops.
	MaxFailures Allowance
	// Settled is the number of rows that the resumed run has settled already. For
	// MaxFailures they count as finished.
	Settled int
	// Pace, if set, passes on to the next run what this one learns about the
	// server's limits.
	Pace *Pace
	// Notify, if set, is called for every event, by one goroutine at a time. The run
	// waits until it returns.
	Notify func(Event)
	// OnList, if set, is called as Notify is for each member list that was read,
	// with the number of projects in it, or -1 if it may be incomplete, and the last
	// answer.
	OnList func(imageID string, projects int, answer Answer)
}

// An Event is an answer, and what it does to the run.
type Event struct {
	// Row is the row that was answered, nil for a read. It is valid until Notify
	// returns.
	Row *Row
	// Answer is the answer.
	Answer Answer
	// Took is how long the request took.
	Took time.Duration
	// RetryIn is how long the row waits for its next attempt, 0 if there is none or
	// it follows at once.
	RetryIn time.Duration
	// PausedFor is how long the whole pool pauses because of the answer.
	PausedFor time.Duration
	// Rate is the new rate in requests a second, 0 if it has not changed.
	Rate float64
	// Limit is a limit named by the server, in requests a second, if the run now
	// keeps to it.
	Limit float64
	// Outage is how long the current outage has lasted, 0 if there is none.
	Outage time.Duration
}

// A Pace is what runs have learnt about the limits of a server, nothing in the zero
// Pace. One run at a time may use it, and all of them need the same [Job.Rate].
type Pace struct{ learnt *pace }

// Summary counts what a run did. The outcomes of the rows go to the [Recorder] and
// are not counted here.
type Summary struct {
	// Requests counts all requests, Reads those for a list among them.
	Requests int `json:"requests"`
	Reads    int `json:"reads"`
	// Retries counts the requests that repeated an earlier one, except those
	// repeated because a token had expired.
	Retries int `json:"retries"`
	// Throttled counts the answers 429, too many requests.
	Throttled int `json:"throttled"`
	// Renewals counts the requests refused because their token had expired.
	Renewals int `json:"renewals"`
	// Limit is the last limit named by the server that the run kept to, in requests
	// a second; 0 if there was none below [Job.Rate].
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

// The reasons why a run ends before its last row. Run's error wraps one of them, or
// the cause of the context's end, or the error of the source.
var (
	// ErrUnauthorized: the credentials are refused, and asking again cannot help.
	// Errors that wrap it say who refused them and what to do.
	ErrUnauthorized = errors.New("the credentials are refused")
	// ErrWrongEndpoint: there is no Image API at the endpoint.
	ErrWrongEndpoint = errors.New("the endpoint is wrong")
	// ErrMisconfigured: no request can get through, and none did.
	ErrMisconfigured = errors.New("cannot reach the Image API")
	// ErrSameRefusal: every row so far ended in the same refusal.
	ErrSameRefusal = errors.New("the same refusal for every row")
	// ErrTooManyFailures: more rows failed than allowed.
	ErrTooManyFailures = errors.New("too many failures")
	// ErrTimeBudget: the time that the run was given is over.
	ErrTimeBudget = errors.New("the time limit was reached")
	// ErrOutage: the server served nothing for too long.
	ErrOutage = errors.New("the server did not recover")
	// ErrRecorder: a result could not be recorded.
	ErrRecorder = errors.New("a result cannot be recorded")
	// ErrSource: the input could not be read to its end.
	ErrSource = errors.New("the input cannot be read")
)

// ErrNotAllowed says that a credential is good, but not for the kind of request
// that was refused. Keystone's access rules make such credentials.
var ErrNotAllowed = errors.New("the credential is not accepted for this kind of request")

// Validate returns an error that names the first invalid field, or nil.
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

// Run does an operation to each row of src. It returns nil if the source was read to
// its end and every row was recorded, whatever the outcomes: what happens to a row
// is a [Result], never an error.
//
// When ctx ends, or a limit of the job is reached, nothing new is started, the
// requests in flight get their answers within [Job.Drain], the waiting rows are
// recorded as [Skipped] or [Unknown], and the error says why the run ended. Rows
// without any attempt are not recorded.
//
// A Job without a [Job.Pace] may be used by several runs at once.
func (j *Job) Run(ctx context.Context, op *Operation, src Source, api API, rec Recorder) (Summary, error) {
	return j.dispatch(ctx, op, src, api, rec, nil)
}

// dispatch runs the job. prepare, unless nil, completes the dispatcher first.
func (j *Job) dispatch(ctx context.Context, op *Operation, src Source, api API, rec Recorder, prepare func(*dispatcher)) (Summary, error) {
	if err := j.Validate(); err != nil {
		return Summary{}, err
	}
	d := newDispatcher(j, op, src, rec)
	if prepare != nil {
		prepare(d)
	}
	// The requests in flight outlive ctx, for as long as the drain allows.
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

// A reply is the result of an attempt.
type reply struct {
	task   *task
	answer Answer
	page   Page
	images ImagePage
	at     time.Time
}

// work makes requests until the channel of tasks is closed.
func work(ctx context.Context, api API, op *Operation, timeout time.Duration, tasks <-chan *task, done chan<- reply) {
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
