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
		UserAgent: userAgent(),
		Getenv:    c.getenv,
		Logger:    log,
	})
}

// credentials are those of a session, in the words of the Image API client.
type credentials struct{ *cloud.Session }

func (s credentials) Renew(ctx context.Context, generation uint64) error {
	err := s.Session.Renew(ctx, generation)
	if errors.Is(err, cloud.ErrRefused) {
		return refusal{err}
	}
	return err
}

// refusal is an error that is an imageapi.ErrRefused too.
type refusal struct{ error }

func (r refusal) Is(target error) bool { return target == imageapi.ErrRefused }

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

func (r *run) job(bar *progress) *batch.Job { return r.options.watchedJob(r.log, bar) }

// watchedJob is the job that the flags describe; what happens is told to the log
// and shown by the bar.
func (o *runOptions) watchedJob(log *slog.Logger, bar *progress) *batch.Job {
	job := o.job()
	job.Notify = func(e batch.Event) {
		logEvent(log, e)
		bar.event(e)
	}
	return job
}
