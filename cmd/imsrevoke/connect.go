package main

import (
	"context"
	"errors"
	"log/slog"

	"imsrevoke/batch"
	"imsrevoke/batch/cloud"
	"imsrevoke/batch/imageapi"
)

func (c *cli) connect(ctx context.Context, o *runOptions, log *slog.Logger) (*cloud.Session, error) {
	return cloud.Connect(ctx, cloud.Config{
		Endpoint:  o.endpoint,
		Auth:      o.auth.word,
		OSCloud:   o.osCloud,
		Region:    o.region,
		CACert:    o.caCert,
		TokenFile: o.tokenFile,
		Terminal:  c.interactive,
		UserAgent: userAgent(),
		Getenv:    c.getenv,
		Logger:    log,
	})
}

// credentials are those of a session, in the words of the Image API client.
type credentials struct{ *cloud.Session }

func (s credentials) Renew(ctx context.Context, generation uint64, kind string) error {
	err := s.Session.Renew(ctx, generation, kind)
	switch {
	case errors.Is(err, cloud.ErrRefused):
		return kindOfError{err, imageapi.ErrRefused}
	case errors.Is(err, cloud.ErrNotAllowed):
		return kindOfError{err, imageapi.ErrNotAllowed}
	}
	return err
}

// A kindOfError is an error that is also one of another package.
type kindOfError struct {
	error
	kind error
}

func (e kindOfError) Is(target error) bool { return target == e.kind }

// openAPI makes the client of the Image API, to be closed in the end.
func openAPI(session *cloud.Session, workers int) (api batch.API, closeAPI func()) {
	transport := session.Transport(workers)
	projectID, _ := session.Project()
	return imageapi.New(imageapi.Config{
		Endpoint:    session.Endpoint(),
		Transport:   transport,
		Credentials: credentials{session},
		ProjectID:   projectID,
		Huawei:      session.Huawei(),
		UserAgent:   userAgent(),
	}), transport.CloseIdleConnections
}

func (r *run) job(bar *progress) *batch.Job { return r.options.watchedJob(r.session, r.log, bar) }

// watchedJob is the job that the flags describe; what happens is told to the log
// and shown by the bar.
func (o *runOptions) watchedJob(session *cloud.Session, log *slog.Logger, bar *progress) *batch.Job {
	job := o.job()
	events := &eventLog{Logger: log, endpoint: session.Endpoint(), patience: job.OutagePatience}
	job.Notify = func(e batch.Event) {
		events.event(e)
		bar.event(events.waits(e))
	}
	return job
}
