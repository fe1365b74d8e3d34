//go:build linux

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/image/v2/members"
	"golang.org/x/sys/unix"

	"imsrevoke/batch"
)

// token is what every client authenticates with: as long as one of Keystone's.
var token = "gAAAAAB" + strings.Repeat("x", 176)

// A plain client does nothing but send one DELETE for each pair: it reads no
// CSV, keeps no pace, tries nothing again and reports nothing. Each makes one
// function for each of its workers.
var plainClients = map[string]func(endpoint string, workers int) func() func(batch.Pair) error{
	"std":         stdClient,
	"tuned":       tunedClient,
	"gophercloud": gophercloudClient,
	"raw":         rawClient,
}

// A usage is what a client has used.
type usage struct {
	Seconds float64 `json:"seconds"`
	CPU     float64 `json:"cpu"` // seconds of the processor, for itself and in the kernel
	PeakRSS float64 `json:"-"`   // bytes
}

// client runs a plain client, `client NAME ENDPOINT WORKERS PAIRS`, and prints
// what it has used since it had read the pairs.
func client(args []string) error {
	var workers int
	if len(args) != 4 || plainClients[args[0]] == nil {
		return fmt.Errorf("client: want one of %v, an endpoint, a number of workers, and pairs", slices.Sorted(maps.Keys(plainClients)))
	}
	if _, err := fmt.Sscan(args[2], &workers); err != nil {
		return err
	}
	pairs, err := readPairs(args[3])
	if err != nil {
		return err
	}
	newWorker := plainClients[args[0]](args[1], workers)
	used, began := cpuTime(), time.Now()
	var (
		next   atomic.Int64
		failed atomic.Pointer[error]
		wg     sync.WaitGroup
	)
	for range workers {
		wg.Go(func() {
			remove := newWorker()
			for {
				i := next.Add(1) - 1
				if i >= int64(len(pairs)) {
					return
				}
				if err := remove(pairs[i]); err != nil {
					failed.Store(&err)
				}
			}
		})
	}
	wg.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	return json.NewEncoder(os.Stdout).Encode(usage{Seconds: time.Since(began).Seconds(), CPU: cpuTime() - used})
}

// cpuTime is what this process has used of the processor, in seconds.
func cpuTime() float64 {
	var used unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &used); err != nil {
		panic(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano()).Seconds()
}

func readPairs(path string) ([]batch.Pair, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var pairs []batch.Pair
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		image, member, _ := strings.Cut(lines.Text(), ",")
		pairs = append(pairs, batch.Pair{ImageID: image, MemberID: member})
	}
	if len(pairs) == 0 {
		return nil, errors.New("no pairs")
	}
	return pairs[1:], lines.Err()
}

var errStatus = errors.New("the answer is not 204")

// stdClient is the plainest loop that is correct: it keeps as many connections
// as there are workers, reads each answer to its end, and looks at the status.
func stdClient(endpoint string, workers int) func() func(batch.Pair) error {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = workers
	client := &http.Client{Transport: transport}
	return func() func(batch.Pair) error {
		return func(p batch.Pair) error {
			req, err := http.NewRequest(http.MethodDelete, endpoint+"/v2/images/"+p.ImageID+"/members/"+p.MemberID, nil)
			if err != nil {
				return err
			}
			req.Header.Set("X-Auth-Token", token)
			resp, err := client.Do(req)
			if err != nil {
				return err
			}
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			if resp.StatusCode != http.StatusNoContent {
				return errStatus
			}
			return nil
		}
	}
}

// tunedClient spares what net/http lets one spare: it shares the headers, makes
// no URL from a string, and asks the transport itself.
func tunedClient(endpoint string, workers int) func() func(batch.Pair) error {
	base, err := url.Parse(endpoint)
	if err != nil {
		panic(err)
	}
	transport := &http.Transport{MaxIdleConnsPerHost: workers, DisableCompression: true}
	header := http.Header{"X-Auth-Token": {token}, "User-Agent": {"bench"}}
	return func() func(batch.Pair) error {
		return func(p batch.Pair) error {
			u := *base
			u.Path = "/v2/images/" + p.ImageID + "/members/" + p.MemberID
			resp, err := transport.RoundTrip(&http.Request{
				Method: http.MethodDelete, URL: &u, Host: u.Host, Header: header,
				Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
			})
			if err != nil {
				return err
			}
			if resp.Body != http.NoBody {
				io.Copy(io.Discard, resp.Body)
			}
			resp.Body.Close()
			if resp.StatusCode != http.StatusNoContent {
				return errStatus
			}
			return nil
		}
	}
}

// gophercloudClient asks by the SDK of OpenStack for Go.
func gophercloudClient(endpoint string, workers int) func() func(batch.Pair) error {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = workers
	provider := &gophercloud.ProviderClient{TokenID: token, HTTPClient: http.Client{Transport: transport}}
	service := &gophercloud.ServiceClient{ProviderClient: provider, Endpoint: endpoint + "/", ResourceBase: endpoint + "/v2/"}
	return func() func(batch.Pair) error {
		return func(p batch.Pair) error {
			return members.Delete(context.Background(), service, p.ImageID, p.MemberID).ExtractErr()
		}
	}
}

// rawClient writes to a socket and reads from it: what the server can do, and
// the kernel.
func rawClient(endpoint string, _ int) func() func(batch.Pair) error {
	address := strings.TrimPrefix(endpoint, "http://")
	return func() func(batch.Pair) error {
		c, err := net.Dial("tcp", address)
		request, answer := []byte(nil), make([]byte, 4096)
		return func(p batch.Pair) error {
			if err != nil {
				return err
			}
			request = append(append(append(append(request[:0], "DELETE /v2/images/"...), p.ImageID...), "/members/"...), p.MemberID...)
			request = append(append(append(append(request, " HTTP/1.1\r\nHost: "...), address...), "\r\nX-Auth-Token: "...), token...)
			if _, err = c.Write(append(request, "\r\n\r\n"...)); err != nil {
				return err
			}
			if _, err = c.Read(answer); err != nil {
				return err
			}
			if string(answer[9:12]) != "204" {
				return errStatus
			}
			return nil
		}
	}
}
