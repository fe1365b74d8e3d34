package batch

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"time"
)

// A dispatcher is the state of one run. Only the goroutine of run uses it.
type dispatcher struct {
	job *Job
	src Source
	rec Recorder
	op  *Operation

	tasks chan *task // to the workers; holds as many as may be in flight
	done  chan reply // from the workers; likewise, so that no worker blocks

	pace      *pace
	ready     *task // the next one to start, when the pace allows it
	waiting   retryQueue
	free      freeTasks
	lists     memberLists
	images    *imageList // nil unless images are listed
	inFlight  int
	slowStart slowStart
	outage    outage
	// exhausted is set once the source has no more rows.
	exhausted bool
	// stopped is the reason why nothing new is started, nil while the run goes on.
	stopped error
	// cutOff cancels the requests in flight when the drain time is over.
	cutOff func()

	limits  limits
	summary Summary
}

func newDispatcher(j *Job, op *Operation, src Source, rec Recorder) *dispatcher {
	return &dispatcher{
		job:       j,
		src:       src,
		rec:       rec,
		op:        op,
		tasks:     make(chan *task, j.Workers),
		done:      make(chan reply, j.Workers),
		pace:      j.pace(),
		lists:     newMemberLists(),
		slowStart: slowStart{workers: j.Workers, window: 1},
		outage:    outage{patience: j.OutagePatience, servedAt: time.Now()},
		limits:    limits{allowance: j.MaxFailures, finished: j.Settled, mixed: j.Settled > 0},
	}
}

// run is the dispatcher's loop. It returns when nothing is left to do and no
// request is in flight.
func (d *dispatcher) run(ctx context.Context) error {
	wake := time.NewTimer(time.Hour)
	defer wake.Stop()
	var budget <-chan time.Time
	if d.job.MaxDuration > 0 {
		t := time.NewTimer(d.job.MaxDuration)
		defer t.Stop()
		budget = t.C
	}
	interrupt := ctx.Done()
	if ctx.Err() != nil { // select might start a request first
		d.stop(context.Cause(ctx))
	}
	for {
		d.flush() // results are kept before anything else is sent
		wait := d.startAll()
		d.flush() // including those of rows that needed no request
		if d.idle() {
			return d.stopped
		}
		wake.Reset(wait)
		select {
		case r := <-d.done:
			d.handle(r)
			// Let other workers hand in their answers too, so that one flush
			// writes the results of all of them.
			runtime.Gosched()
			d.handleAll()
		case <-wake.C:
		case <-interrupt:
			interrupt = nil
			d.stop(context.Cause(ctx))
		case <-budget:
			d.stop(fmt.Errorf("%w (%v)", ErrTimeBudget, d.job.MaxDuration))
		}
	}
}

func (d *dispatcher) flush() {
	if err := d.rec.Flush(); err != nil {
		d.stopRecorder(err)
	}
}

// idle reports whether nothing is left to do.
func (d *dispatcher) idle() bool {
	return d.inFlight == 0 && d.ready == nil && d.waiting.empty() && (d.exhausted || d.stopped != nil)
}

// noDeadline is the wait when only the end of a request can change anything.
const noDeadline = time.Hour

// startAll starts every request that may start now. It returns how long to wait
// before the next one may start, 0 to be called again at once.
func (d *dispatcher) startAll() (wait time.Duration) {
	now := time.Now()
	for d.slowStart.mayStart(d.inFlight) {
		if d.outage.probe != nil {
			return d.startProbe(now)
		}
		if d.ready == nil {
			d.ready = d.next(now)
		}
		if d.ready == nil {
			if d.mayRead() {
				return 0 // more rows, after a look at answers and signals
			}
			if due, ok := d.waiting.due(); ok {
				return due.Sub(now)
			}
			return noDeadline
		}
		if wait := d.pace.take(now); wait > 0 {
			return wait
		}
		d.start(d.ready, now)
		d.ready = nil
	}
	return noDeadline
}

// mayRead reports whether rows may be taken from the source.
func (d *dispatcher) mayRead() bool {
	return d.stopped == nil && !d.exhausted && d.waiting.len()+d.lists.waiting < MaxWaiting && (d.images == nil || d.images.read || len(d.images.left) > 0)
}

// next returns the task to start next: one whose wait is over, or else the first
// row of the source that needs a request. Rows that need none are recorded on the
// way, a limited number at a time. It returns nil when no task is ready.
func (d *dispatcher) next(now time.Time) *task {
	for t := d.waiting.pop(now); t != nil; t = d.waiting.pop(now) {
		if !d.lists.delay(t) {
			return t
		}
	}
	const atATime = 1024
	for range atATime {
		if !d.mayRead() {
			break
		}
		if d.images != nil {
			t := d.images.nextList(now)
			d.exhausted = t == nil && d.images.read
			return t
		}
		row, err := d.src.Next()
		if err == io.EOF {
			d.exhausted = true
			break
		}
		if err != nil {
			d.stop(fmt.Errorf("%w: %w", ErrSource, err))
			break
		}
		if r, unsent := row.Unsent(); unsent {
			r.FinishedAt = now
			d.record(&r)
			continue
		}
		if d.op.send == nil {
			d.settle(&task{row: row})
			continue
		}
		if l := d.lists.known(row.Pair.ImageID); l != nil && !d.op.adds && l.otherType(&row) != "" {
			d.settleBy(&task{row: row}, l) // not a project: no request may be sent
			continue
		}
		if err := d.rec.Begin(row); err != nil {
			d.stopRecorder(err)
			break
		}
		if t := d.free.take(row); !d.lists.delay(t) {
			return t
		}
	}
	return nil
}

func (d *dispatcher) start(t *task, now time.Time) {
	if t.began.IsZero() {
		t.began = now
	} else if t.last.Meaning != Renewed {
		d.summary.Retries++
	}
	t.started = now
	t.attempts++
	d.inFlight++
	d.slowStart.sent++
	d.summary.Requests++
	if t.reads() {
		d.summary.Reads++
	}
	d.tasks <- t
}

// handleAll handles all answers that have arrived already.
func (d *dispatcher) handleAll() {
	for {
		select {
		case r := <-d.done:
			d.handle(r)
		default:
			return
		}
	}
}

// handle handles one answer.
func (d *dispatcher) handle(r reply) {
	d.inFlight--
	t, a := r.task, r.answer
	if a.Meaning == Misconfigured && d.summary.Requests > 1 {
		a.Meaning = Unreachable // earlier requests got through
	}
	t.last, t.ended = a, r.at
	event := Event{Answer: a, Took: t.ended.Sub(t.started)}
	if !t.reads() {
		event.Row = &t.row
	}
	if a.Meaning.maybeApplied() {
		t.lost = true
	}
	d.react(t, &event)
	d.slowStart.ended(t.started, t.ended, a.answered(), d.inFlight)
	d.watch(t, &event)
	switch {
	case t.probe:
		d.probed(t)
	case a.Meaning == Renewed && t.renewals < maxRenewals:
		t.renewals++
		t.attempts--
		d.summary.Renewals++
		d.again(t, 0)
	case a.Meaning == Misconfigured:
		d.giveUp(t)
	case a.Meaning.transient() && t.mayTry(d.job.Attempts):
		if wait := event.PausedFor + t.backoff(); d.again(t, wait) {
			event.RetryIn = wait
		}
	case t.list != nil:
		d.pageRead(t, r.page)
	case t.images != nil:
		d.imagesRead(t, r.images)
	case a.Meaning == Removed && (t.row.Respelled || t.respelled != nil):
		t.removedNow()
		d.settle(t)
	case a.Meaning.ambiguous():
		d.settle(t)
	default:
		d.finish(t, t.outcome(), t.last.Message)
		defer d.free.put(t)
	}
	if d.job.Notify != nil {
		d.job.Notify(event)
	}
}

// react applies the last answer to t to the whole pool: pauses, the rate, the end
// of the run.
func (d *dispatcher) react(t *task, event *Event) {
	switch a := t.last; {
	case a.Meaning == Throttled:
		d.summary.Throttled++
		d.slowStart.restart(t.ended)
		if event.Limit = d.pace.limit(t.ended, a.Limit, a.LimitWindow); event.Limit > 0 {
			d.summary.Limit = event.Limit
		}
		event.PausedFor, event.Rate = d.pace.throttle(t.started, t.ended, a.RetryAfter)
	case a.Meaning.transient() && a.RetryAfter > 0:
		d.slowStart.restart(t.ended)
		event.PausedFor = d.pace.pause(t.ended, a.RetryAfter)
	case a.Meaning == Unauthorized:
		d.stop(fmt.Errorf("%w: %s", ErrUnauthorized, a.Message))
	case a.Meaning == Misconfigured:
		d.stop(fmt.Errorf("%w: %s", ErrMisconfigured, a.Message))
	case a.Meaning == WrongEndpoint:
		d.stop(fmt.Errorf("%w: %s", ErrWrongEndpoint, a.Message))
	case a.answered():
		if a.Meaning == Removed {
			d.lists.own(t.row.Pair.ImageID)
		}
		d.pace.answered(t.ended)
	}
}

// again schedules another attempt for t, or gives t up if the run is stopping. It
// reports whether there will be another attempt.
func (d *dispatcher) again(t *task, wait time.Duration) bool {
	if d.stopped != nil {
		d.giveUp(t)
		return false
	}
	t.due = t.ended.Add(wait)
	d.waiting.push(t)
	return true
}

// finish records the outcome of t's row.
func (d *dispatcher) finish(t *task, o Outcome, message string) {
	r := t.result(o, message)
	if l := d.lists.known(t.row.Pair.ImageID); l != nil && !d.op.adds {
		r.ShareWith(l.members.alsoSharedWith())
		r.MemberType = l.otherType(&t.row)
	}
	d.record(&r)
	if d.op.send == nil {
		return
	}
	if err := d.limits.count(&r); err != nil {
		d.stop(err)
	}
}

func (d *dispatcher) record(r *Result) {
	if err := d.rec.Record(*r); err != nil {
		d.stopRecorder(err)
	}
}

// stop ends the run: nothing new is started, and the waiting tasks are given up.
// Only the first reason counts.
func (d *dispatcher) stop(reason error) {
	if d.stopped != nil {
		return
	}
	d.stopped = reason
	if d.job.Drain > 0 {
		time.AfterFunc(d.job.Drain, d.cutOff) // harmless after the run
	}
	d.outage.probe = nil
	if d.ready != nil {
		d.giveUp(d.ready)
		d.ready = nil
	}
	for t := d.waiting.popAny(); t != nil; t = d.waiting.popAny() {
		d.giveUp(t)
	}
}

// stopRecorder stops the run because results cannot be kept. This reason takes
// precedence over an earlier one.
func (d *dispatcher) stopRecorder(err error) {
	err = fmt.Errorf("%w: %w", ErrRecorder, err)
	d.stop(err)
	d.stopped = err
}

// giveUp ends a task that gets no further attempt because the run is stopping. A
// row without any attempt is not recorded.
func (d *dispatcher) giveUp(t *task) {
	message := join(t.last.Message, "the run stopped before another attempt")
	switch {
	case t.images != nil:
	case t.list != nil:
		d.abandon(t.list)
	case t.probe, t.attempts == 0:
	case t.lost:
		r := t.result(Unknown, message)
		d.record(&r)
	default:
		r := t.result(Skipped, message)
		d.record(&r)
	}
}
