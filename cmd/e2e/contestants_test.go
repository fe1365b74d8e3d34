//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/image/v2/members"

	"imsrevoke/batch"
)

// A heat is what a contestant has to do.
type heat struct {
	t       *testing.T
	dir     string // of its own
	site    *site
	pairs   []batch.Pair
	token   string
	workers int // requests in flight
}

// A contestant revokes the shares of a heat.
type contestant struct {
	name string
	// slow ones race once with each number of workers, for so many pairs.
	slow  bool
	pairs int
	// prepare makes ready what a user would have ready, and returns what is
	// measured: nil when it is not installed.
	prepare func(heat) func()
}

// program is the name of the contestant that all of this is about.
const program = "imsrevoke"

var contestants = []contestant{
	{name: program, prepare: heat.program},
	{name: "net/http", prepare: heat.plain},
	{name: "net/http, tuned", prepare: heat.tuned},
	{name: "gophercloud", prepare: heat.gophercloud},
	{name: "curl --parallel", prepare: heat.curl},
	{name: "xargs -P curl", prepare: heat.xargs},
	{name: "openstacksdk", slow: true, pairs: 500, prepare: heat.sdk},
	{name: "openstack CLI", slow: true, pairs: 4, prepare: heat.cli},
}

// program does the whole job: reads the file, keeps the journal, writes the
// report.
func (h heat) program() func() {
	j := h.site.newJob(h.t, []string{"OS_TOKEN=" + h.token}, h.pairs...)
	return func() {
		e := j.run("--endpoint", h.site.glance.image, "--rate", "unlimited", "--workers", strconv.Itoa(h.workers))
		if e.code != 0 {
			h.t.Fatalf("exit code %d\n%s", e.code, e.output)
		}
	}
}

func (h heat) url(p batch.Pair) string {
	return h.site.glance.image + "/v2/images/" + p.ImageID + "/members/" + p.MemberID
}

// each calls remove for every pair, so many at once as there are workers.
func (h heat) each(remove func(batch.Pair) error) {
	pairs := make(chan batch.Pair)
	var wg sync.WaitGroup
	for range h.workers {
		wg.Go(func() {
			for p := range pairs {
				if err := remove(p); err != nil {
					h.t.Error(err)
				}
			}
		})
	}
	for _, p := range h.pairs {
		pairs <- p
	}
	close(pairs)
	wg.Wait()
}

// transport keeps all connections open, which the default one does not.
func (h heat) transport() *http.Transport {
	transport := &http.Transport{MaxIdleConnsPerHost: h.workers, DisableCompression: true}
	h.t.Cleanup(transport.CloseIdleConnections)
	return transport
}

func expect204(resp *http.Response) error {
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	if resp.StatusCode != http.StatusNoContent {
		return fmt.Errorf("%s", resp.Status)
	}
	return nil
}

func (h heat) plain() func() {
	c := &http.Client{Transport: h.transport()}
	return func() {
		h.each(func(p batch.Pair) error {
			req, err := http.NewRequest(http.MethodDelete, h.url(p), nil)
			if err != nil {
				return err
			}
			req.Header.Set("X-Auth-Token", h.token)
			resp, err := c.Do(req)
			if err != nil {
				return err
			}
			return expect204(resp)
		})
		c.CloseIdleConnections()
	}
}

// tuned leaves out what http.Client does for redirects and cookies.
func (h heat) tuned() func() {
	transport := h.transport()
	base, err := url.Parse(h.site.glance.image)
	if err != nil {
		h.t.Fatal(err)
	}
	header := http.Header{"X-Auth-Token": {h.token}}
	return func() {
		h.each(func(p batch.Pair) error {
			u := *base
			u.Path = "/v2/images/" + p.ImageID + "/members/" + p.MemberID
			resp, err := transport.RoundTrip(&http.Request{Method: http.MethodDelete, URL: &u, Header: header, Host: u.Host})
			if err != nil {
				return err
			}
			return expect204(resp)
		})
		transport.CloseIdleConnections()
	}
}

func (h heat) gophercloud() func() {
	transport := h.transport()
	image := &gophercloud.ServiceClient{
		ProviderClient: &gophercloud.ProviderClient{TokenID: h.token, HTTPClient: http.Client{Transport: transport}},
		Endpoint:       h.site.glance.image + "/",
		ResourceBase:   h.site.glance.image + "/v2/",
	}
	return func() {
		h.each(func(p batch.Pair) error {
			return members.Delete(h.t.Context(), image, p.ImageID, p.MemberID).ExtractErr()
		})
		transport.CloseIdleConnections()
	}
}

// command runs a command to its end; each line that it prints has to be a 204.
func (h heat) command(in string, name string, args ...string) func() {
	path, err := exec.LookPath(name)
	if err != nil {
		return nil
	}
	return func() {
		cmd := exec.Command(path, args...)
		cmd.Stdin = strings.NewReader(in)
		cmd.Env = append(os.Environ(), h.site.people["owner"].environment(h.site.keystone+"/v3", "default")...)
		cmd.Env = append(cmd.Env, "OS_IDENTITY_API_VERSION=3", "WORKERS="+strconv.Itoa(h.workers))
		var complaints bytes.Buffer
		cmd.Stderr = &complaints
		out, err := cmd.Output()
		if lines := slices.Compact(strings.Fields(string(out))); err != nil || len(lines) > 1 || len(lines) == 1 && lines[0] != "204" {
			h.t.Errorf("%s: %v, printed %v\n%s", name, err, lines, &complaints)
		}
	}
}

func (h heat) urls() string {
	var b strings.Builder
	for _, p := range h.pairs {
		b.WriteString(h.url(p) + "\n")
	}
	return b.String()
}

// secret puts the token where other users of the machine do not see it.
func (h heat) secret() (file string) {
	file = filepath.Join(h.dir, "token")
	if err := os.WriteFile(file, []byte("X-Auth-Token: "+h.token+"\n"), 0o600); err != nil {
		h.t.Fatal(err)
	}
	return file
}

func (h heat) curl() func() {
	config := "url = " + strings.ReplaceAll(strings.TrimSpace(h.urls()), "\n", "\nurl = ") + "\n"
	return h.command(config, "curl", "--silent", "--request", "DELETE", "--header", "@"+h.secret(),
		"--parallel", "--parallel-max", strconv.Itoa(h.workers), "--write-out", "%{http_code}\n", "--config", "-")
}

func (h heat) xargs() func() {
	return h.command(h.urls(), "xargs", "-P", strconv.Itoa(h.workers), "-n", "1",
		"curl", "--silent", "--request", "DELETE", "--header", "@"+h.secret(), "--write-out", `%{http_code}\n`)
}

// python is Debian's, which the packages of OpenStack are for.
const python = "/usr/bin/python3"

func (h heat) sdk() func() {
	if exec.Command(python, "-c", "import openstack").Run() != nil {
		return nil
	}
	return h.command(h.idLines(), python, "-c", `
import os, sys, openstack
from concurrent.futures import ThreadPoolExecutor
pairs = [line.split() for line in sys.stdin]
cloud = openstack.connect()
def remove(pair):
    cloud.image.remove_member(pair[1], image=pair[0], ignore_missing=False)
with ThreadPoolExecutor(int(os.environ["WORKERS"])) as pool:
    list(pool.map(remove, pairs))
`)
}

// cli revokes one share at a time and asks Keystone for a token each time, as
// openstack does.
func (h heat) cli() func() {
	if _, err := exec.LookPath("openstack"); err != nil {
		return nil
	}
	return h.command(h.idLines(), "xargs", "-P", strconv.Itoa(h.workers), "-n", "2", "openstack", "image", "remove", "project")
}

func (h heat) idLines() string {
	var b strings.Builder
	for _, p := range h.pairs {
		b.WriteString(p.ImageID + " " + p.MemberID + "\n")
	}
	return b.String()
}
