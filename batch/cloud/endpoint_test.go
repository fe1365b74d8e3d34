package cloud_test

import (
	"strings"
	"testing"

	"imsrevoke/batch/cloud"
)

func TestEndpoint(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, given, want string }{
		{"Huawei Cloud, without a version", "https://ims.cn-north-4.myhuaweicloud.com", "https://ims.cn-north-4.myhuaweicloud.com"},
		{"Open Telekom Cloud, with a slash", "https://ims.eu-de.otc.t-systems.com/", "https://ims.eu-de.otc.t-systems.com"},
		{"FlexibleEngine", "https://ims.eu-west-0.prod-cloud-ocb.orange-business.com", "https://ims.eu-west-0.prod-cloud-ocb.orange-business.com"},
		{"Cloud.ru", "https://ims.ru-moscow-1.hc.sbercloud.ru", "https://ims.ru-moscow-1.hc.sbercloud.ru"},
		{"OVHcloud", "https://image.compute.gra11.cloud.ovh.net/", "https://image.compute.gra11.cloud.ovh.net"},
		{"Rackspace", "https://iad.images.api.rackspacecloud.com/v2", "https://iad.images.api.rackspacecloud.com"},
		{"Kolla, without TLS inside", "http://127.0.0.1:9292", "http://127.0.0.1:9292"},
		{"an alternate port behind a gateway, with both", "https://api.example.com:8774/glance/v2/", "https://api.example.com:8774/glance"},
		{"a port is kept", "https://infra.mail.ru:9292", "https://infra.mail.ru:9292"},
		{"a prefix is kept and the version goes", "https://ru-1.cloud.api.selcloud.ru/image/v2", "https://ru-1.cloud.api.selcloud.ru/image"},
		{"a version alone", "https://image-3.eu-de-1.cloud.sap/v2", "https://image-3.eu-de-1.cloud.sap"},
		{"a version with a minor part and slashes", "https://glance.example.com//v2.15//", "https://glance.example.com"},
		{"the old spelling of version 2", "https://glance.example.com/v2.0", "https://glance.example.com"},
		{"DevStack", "http://127.0.0.1/image", "http://127.0.0.1/image"},
		{"IPv6", "http://[::1]:9292/v2", "http://[::1]:9292"},
		{"only one version is taken off", "https://h.example.com/v2/v2", "https://h.example.com/v2"},
		{"what only looks like a version stays", "https://h.example.com/v2beta", "https://h.example.com/v2beta"},
		{"an escaped prefix stays escaped", "https://h.example.com/a%2Fb/v2", "https://h.example.com/a%2Fb"},
		{"case and blanks do not matter", " HTTPS://Glance.Example.COM/Image ", "https://glance.example.com/Image"},
		{"out of the documentation", "https://h.example.com/image/v2/images", "https://h.example.com/image"},
		{"out of the documentation, with a slash", "https://h.example.com/v2/images/", "https://h.example.com"},
		{"images without a version are a prefix", "https://h.example.com/images", "https://h.example.com/images"},
		{"a colon without a port goes", "https://glance.example.com:/v2", "https://glance.example.com"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, logged, err := connect(t, cloud.Config{Endpoint: tt.given}, env{"OS_TOKEN": "s3cr3t"})
			if err != nil {
				t.Fatal(err)
			}
			if got := s.Endpoint().String(); got != tt.want {
				t.Errorf("endpoint of %q is %q, want %q", tt.given, got, tt.want)
			}
			if logged != "" {
				t.Errorf("logged %s", logged)
			}
		})
	}
}

func TestEndpointRefused(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, given, want string }{
		{"no scheme", "ims.example.com", `"ims.example.com" does not start with https://`},
		{"another scheme", "ftp://ims.example.com", "does not start with https://"},
		{"two protocols", "http://http://ims.example.com", "names a protocol twice"},
		{"no host", "https:///v2", "names no host"},
		{"a port alone", "https://:9292", "names no host"},
		{"a query", "https://ims.example.com/?token=s3cr3t", "holds a query"},
		{"an empty query", "https://ims.example.com/v2?", "holds a query"},
		{"a fragment", "https://ims.example.com/#s3cr3t", "holds a query or a fragment"},
		{"a user and a password", "https://ann:s3cr3t@ims.example.com", "holds a user name"},
		{"a password that is no part of a URL", "https://ann:s3cr3t%zz@ims.example.com", "is not a URL"},
		{"no URL at all", "https://ims example com", "is not a URL"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, _, err := connect(t, cloud.Config{Endpoint: tt.given}, env{"OS_TOKEN": "s3cr3t"})
			wantError(t, err, "--endpoint", tt.want, "https://host")
		})
	}
}

func TestEndpointWithoutTLS(t *testing.T) {
	t.Parallel()
	for given, warned := range map[string]bool{
		"http://glance.example.com":    true,
		"http://10.0.0.1:9292":         true,
		"https://glance.example.com":   false,
		"http://localhost:9292":        false,
		"http://glance.localhost":      false,
		"http://127.8.0.1":             false,
		"http://[::1]":                 false,
		"http://127.0.0.1.example.com": true,
	} {
		t.Run(given, func(t *testing.T) {
			t.Parallel()
			_, logged, err := connect(t, cloud.Config{Endpoint: given}, env{"OS_TOKEN": "s3cr3t"})
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Contains(logged, "unencrypted"); got != warned {
				t.Errorf("warned = %t, want %t; log: %s", got, warned, logged)
			}
		})
	}
}

func TestEndpointIsACopy(t *testing.T) {
	t.Parallel()
	s := mustConnect(t, cloud.Config{Endpoint: "https://h.example.com/image"}, env{"OS_TOKEN": "s3cr3t"})
	s.Endpoint().Host = "elsewhere.example.com"
	if got := s.Endpoint().Host; got != "h.example.com" {
		t.Errorf("a caller has changed the endpoint of the session to %s", got)
	}
}

func TestCatalog(t *testing.T) {
	t.Parallel()
	const several = `[
		{"type":"compute","endpoints":[{"interface":"public","region":"one","url":"https://compute.example.com"}]},
		{"type":"image","endpoints":[
			{"interface":"internal","region":"one","region_id":"one","url":"http://[::1]:9292"},
			{"interface":"public","region":"one","region_id":"one","url":"https://one.example.com/v2/"},
			{"interface":"public","region":"two","region_id":"zwei","url":"https://two.example.com"}]}]`
	tests := []struct {
		name, catalog, region, iface string
		want, wantRegion             string
		wantErr                      string
	}{
		{name: "one region needs no choice", catalog: imageCatalog("eu-de https://ims.eu-de.otc.t-systems.com"),
			want: "https://ims.eu-de.otc.t-systems.com", wantRegion: "eu-de"},
		{name: "a region is chosen by name", catalog: several, region: "two", want: "https://two.example.com", wantRegion: "two"},
		{name: "a region is chosen by id", catalog: several, region: "zwei", want: "https://two.example.com", wantRegion: "zwei"},
		{name: "an interface is chosen", catalog: several, iface: "internalURL", want: "http://[::1]:9292", wantRegion: "one"},
		{name: "a prefix, a port and a version", catalog: imageCatalog("RegionOne https://cloud.example.com:8443/image/v2/"),
			want: "https://cloud.example.com:8443/image", wantRegion: "RegionOne"},
		{name: "several regions and no choice", catalog: several, wantErr: "--region to one of one, two"},
		{name: "a region that is not there", catalog: several, region: "three", wantErr: `region "three"; set --region to one of one, two`},
		{name: "an interface that is not there", catalog: several, iface: "admin", wantErr: "no admin endpoint of type image"},
		{name: "an interface that is none", catalog: several, iface: "secret", wantErr: `OS_INTERFACE "secret"`},
		{name: "any region serves the chosen one", catalog: imageCatalog("* https://any.example.com"), region: "two",
			want: "https://any.example.com", wantRegion: "two"},
		{name: "any region without a choice", catalog: imageCatalog("* https://any.example.com"), want: "https://any.example.com"},
		{name: "a region of its own goes before any region", catalog: imageCatalog("* https://any.example.com", "two https://two.example.com"),
			region: "two", want: "https://two.example.com", wantRegion: "two"},
		{name: "an endpoint without a region", catalog: `[{"type":"image","endpoints":[{"interface":"public","url":"https://h.example.com"}]}]`,
			want: "https://h.example.com"},
		{name: "the first of a region is taken", catalog: imageCatalog("one https://a.example.com", "one https://b.example.com"),
			want: "https://a.example.com", wantRegion: "one"},
		{name: "no image service", catalog: `[]`, wantErr: "no public endpoint of type image; set --endpoint"},
		{name: "an address that is none", catalog: imageCatalog("one image.example.com"), wantErr: "the image endpoint of the catalog"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			k := newKeystone(t)
			k.catalog = tt.catalog
			s, _, err := connect(t, cloud.Config{}, k.password().with(env{"OS_REGION_NAME": tt.region, "OS_INTERFACE": tt.iface}))
			if tt.wantErr != "" {
				wantError(t, err, tt.wantErr)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := s.Endpoint().String(); got != tt.want || s.Region() != tt.wantRegion {
				t.Errorf("endpoint %s in region %q, want %s in %q", got, s.Region(), tt.want, tt.wantRegion)
			}
			if len(k.strays) > 0 {
				t.Errorf("it asked for %q: gateways answer 404 to questions about versions", k.strays)
			}
		})
	}
}

func TestCatalogOfATokenForNoProject(t *testing.T) {
	t.Parallel()
	k := newKeystone(t)
	k.catalog, k.project = "[]", "null"
	_, _, err := connect(t, cloud.Config{}, k.password())
	wantError(t, err, "for no project", "OS_PROJECT_NAME")
}
