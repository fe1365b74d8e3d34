package notify

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v4"

	"imsrevoke/cmd/internal/exit"
	"imsrevoke/cmd/internal/version"
)

const (
	// pingTimeout bounds one ping with all its tries: a watcher that does not
	// answer must not keep a job that has ended.
	pingTimeout = 10 * time.Second
	// pingTries is how often one ping is tried, pingPause the time in between.
	pingTries = 3
	pingPause = 500 * time.Millisecond
)

// A pinger tells a service that misses a scheduled job how the job goes, in the
// manner of https://healthchecks.io/docs/http_api/. Its URL is a secret, since
// whoever knows it can speak for the job: it is in no log and in no error. A
// nil pinger pings nobody.
type pinger struct {
	url    string
	run    string // a random UUID, by which the service knows which pings belong together
	client *http.Client
	log    *slog.Logger
	// began is closed when the service has been told, or cannot be told, that
	// the job begins; nil before.
	began chan struct{}
}

// newPinger returns the pinger for a URL, nil for none.
func newPinger(address string, transport http.RoundTripper, log *slog.Logger) *pinger {
	if address == "" || ValidatePing(address) != nil {
		return nil
	}
	return &pinger{
		url: address,
		run: newUUID(),
		log: log,
		client: &http.Client{
			Transport: transport,
			// Another place is told nothing, least of all the URL as referrer.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// ValidatePing reports what is wrong with a URL to ping, without telling it.
func ValidatePing(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.Fragment != "" {
		return errors.New("--ping: give the URL of a check, such as https://hc-ping.com/UUID")
	}
	return nil
}

// newUUID is a random UUID (RFC 9562, version 4).
func newUUID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// start tells that the job begins, while the job goes on.
func (p *pinger) start(ctx context.Context) {
	if p == nil {
		return
	}
	p.began = make(chan struct{})
	go func() { // end waits for it
		defer close(p.began)
		p.ping(ctx, "/start", "")
	}()
}

// end tells that the job has ended, and what is to be said of it. A success is
// told to the URL itself, which every such service understands, and anything
// else to URL/CODE.
func (p *pinger) end(ctx context.Context, code int, text string) {
	if p == nil {
		return
	}
	if p.began != nil {
		<-p.began
	}
	path := ""
	if code != exit.Settled {
		path = fmt.Sprintf("/%d", code)
	}
	p.ping(ctx, path, text)
}

// ping tells the service one thing, and warns when that fails. That the job is
// interrupted is no reason to leave it out.
func (p *pinger) ping(ctx context.Context, path, text string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), pingTimeout)
	defer cancel()
	address, query, _ := strings.Cut(p.url, "?")
	query = strings.TrimPrefix(query+"&rid="+p.run, "&")
	address = strings.TrimSuffix(address, "/") + path + "?" + query
	var err error
	pause := backoff.WithMaxRetries(backoff.NewConstantBackOff(pingPause), pingTries-1)
	_ = backoff.Retry(func() error { // its own error hides the one of the last try when the time is over
		err = p.post(ctx, address, text)
		return err
	}, backoff.WithContext(pause, ctx))
	if err != nil {
		p.log.Warn("cannot ping the monitoring URL", "error", err)
	}
}

// post makes one try. An answer by which the service refuses is final.
func (p *pinger) post(ctx context.Context, address, text string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(text))
	if err != nil {
		return backoff.Permanent(errors.New("the URL cannot be used"))
	}
	req.Header.Set("User-Agent", version.UserAgent())
	req.Header.Set("Content-Type", "text/plain; charset=utf-8")
	resp, err := p.client.Do(req)
	if err != nil {
		if named, ok := errors.AsType[*url.Error](err); ok { // which names the URL
			err = named.Err
		}
		return err
	}
	defer resp.Body.Close()
	switch status := resp.StatusCode; {
	case status >= 200 && status < 300:
		return nil
	case status >= 500, status == http.StatusTooManyRequests:
		return fmt.Errorf("the answer is %s", resp.Status)
	case status >= 300 && status < 400:
		return backoff.Permanent(fmt.Errorf("the answer is %s, and redirects are not followed", resp.Status))
	default:
		return backoff.Permanent(fmt.Errorf("the answer is %s", resp.Status))
	}
}
