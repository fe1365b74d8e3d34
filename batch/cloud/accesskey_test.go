package cloud_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"imsrevoke/batch"
	"imsrevoke/batch/cloud"
)

// sdkKey is an access key as the SDKs have it, with its project.
var sdkKey = env{"HUAWEICLOUD_SDK_AK": "AKSDK", "HUAWEICLOUD_SDK_SK": "s3cr3t-sdk", "HUAWEICLOUD_SDK_PROJECT_ID": "p-sdk"}

// terraformKey is one as Terraform has it.
var terraformKey = env{"HW_ACCESS_KEY": "AKTF", "HW_SECRET_KEY": "s3cr3t-tf", "HW_PROJECT_ID": "p-tf", "HW_REGION_NAME": "cn-north-1"}

// signed is a request that the session has authorised.
func signed(t *testing.T, s *cloud.Session) *http.Request {
	t.Helper()
	req, err := http.NewRequest(http.MethodDelete, s.Endpoint().JoinPath("v2", "images").String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Authorize(req); err != nil {
		t.Fatal(err)
	}
	return req
}

func TestWhichAccessKeyIsUsed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	profile := writeFile(t, dir, ".huaweicloud/credentials",
		"\ufeff# of the SDKs\r\n[global]\nak = AKGLOBAL\nsk=s3cr3t-global\n\n[ basic ]\n; a comment\nak=AKPROFILE\n sk = s3cr3t=profile\nproject_id = p-profile\nsecurity_token=s3cr3t-sts\n[other]\nak=AKOTHER\n")
	home := env{"HOME": dir}
	k := newKeystone(t)
	tests := []struct {
		name   string
		config cloud.Config
		vars   env
		want   string
		key    string
		// project and securityToken are what each request says.
		project, securityToken string
	}{
		{"that of the SDKs goes first", cloud.Config{Region: "cn-north-4"}, terraformKey.with(home).with(sdkKey), "access key from HUAWEICLOUD_SDK_* variables", "AKSDK", "p-sdk", ""},
		{"a temporary one has a security token", cloud.Config{}, sdkKey.with(env{"HUAWEICLOUD_SDK_SECURITY_TOKEN": "s3cr3t-t"}),
			"access key from HUAWEICLOUD_SDK_* variables", "AKSDK", "p-sdk", "s3cr3t-t"},
		{"then that of Terraform", cloud.Config{}, terraformKey.with(home), "access key from HW_* variables", "AKTF", "p-tf", ""},
		{"which may be temporary too", cloud.Config{}, terraformKey.with(env{"HW_SECURITY_TOKEN": "s3cr3t-t"}), "access key from HW_* variables", "AKTF", "p-tf", "s3cr3t-t"},
		{"then the profile", cloud.Config{}, home, "access key from profile " + profile, "AKPROFILE", "p-profile", "s3cr3t-sts"},
		{"wherever it is", cloud.Config{}, env{"HUAWEICLOUD_SDK_CREDENTIALS_FILE": profile}, "access key from profile " + profile, "AKPROFILE", "p-profile", "s3cr3t-sts"},
		{"the project may be set apart from the key", cloud.Config{},
			env{"HW_ACCESS_KEY": "AKTF", "HW_SECRET_KEY": "s3cr3t-tf", "HUAWEICLOUD_SDK_PROJECT_ID": "p-sdk"}, "access key from HW_* variables", "AKTF", "p-sdk", ""},
		{"access keys are asked for", cloud.Config{Auth: cloud.AuthAKSK}, k.password().with(sdkKey).with(env{"OS_TOKEN": "s3cr3t", "OS_CLOUD": "prod"}),
			"access key from HUAWEICLOUD_SDK_* variables", "AKSDK", "p-sdk", ""},
		{"the ways of OpenStack go before", cloud.Config{}, k.password().with(sdkKey), "password from OS_* variables", "", "", ""},
		{"so does a token", cloud.Config{}, sdkKey.with(env{"OS_TOKEN": "s3cr3t"}), "token from OS_TOKEN", "", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.config.Endpoint = imageAPI
			s := mustConnect(t, tt.config, tt.vars)
			if s.Method() != tt.want {
				t.Errorf("used %q, want %q", s.Method(), tt.want)
			}
			h := signed(t, s).Header
			if tt.key != "" && !strings.HasPrefix(h.Get("Authorization"), "SDK-HMAC-SHA256 Access="+tt.key+", ") {
				t.Errorf("authorised by %q, want the key %s", h.Get("Authorization"), tt.key)
			}
			if (h.Get("X-Auth-Token") == "") != (tt.key != "") {
				t.Error("a token and a signature are never sent together, and never neither")
			}
			if h.Get("X-Project-Id") != tt.project || h.Get("X-Security-Token") != tt.securityToken {
				t.Errorf("project %q, security token %q; want %q and %q", h.Get("X-Project-Id"), h.Get("X-Security-Token"), tt.project, tt.securityToken)
			}
			if id, name := s.Project(); tt.key != "" && (id != tt.project || name != "") {
				t.Errorf("project %q %q, want %q, and no name that nobody has looked up", id, name, tt.project)
			}
		})
	}
}

func TestAccessKeysThatAreNone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	aksk := cloud.Config{Auth: cloud.AuthAKSK, Endpoint: imageAPI}
	file := func(text string) env {
		return env{"HUAWEICLOUD_SDK_CREDENTIALS_FILE": writeFile(t, t.TempDir(), "credentials", text)}
	}
	tests := []struct {
		name   string
		config cloud.Config
		vars   env
		want   []string
	}{
		{"no secret key", aksk, env{"HUAWEICLOUD_SDK_AK": "AK"}, []string{"HUAWEICLOUD_SDK_* variables", "only one of HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK is set"}},
		{"no access key", aksk, env{"HW_SECRET_KEY": "s3cr3t"}, []string{"only one of HW_ACCESS_KEY and HW_SECRET_KEY is set"}},
		{"a blank behind", aksk, env{"HW_ACCESS_KEY": "AK", "HW_SECRET_KEY": "s3cr3t "}, []string{"HW_SECRET_KEY has a blank", "0x20) at byte 6"}},
		{"a line end in the security token", aksk, sdkKey.with(env{"HUAWEICLOUD_SDK_SECURITY_TOKEN": "s3cr3t\n"}), []string{"HUAWEICLOUD_SDK_SECURITY_TOKEN has more than one line"}},
		{"a profile that is not there", aksk, env{"HUAWEICLOUD_SDK_CREDENTIALS_FILE": dir + "/none"}, []string{"HUAWEICLOUD_SDK_CREDENTIALS_FILE", "no such file"}},
		{"a profile without a key", aksk, file("[global]\nak=AK\nsk=s3cr3t\n"), []string{"has no ak and sk in a section [basic]"}},
		{"a profile with half a key", aksk, file("[basic]\nak=AK\n"), []string{"only one of ak and sk is set"}},
		{"a profile that is no profile", aksk, file("[basic]\nak=AK\ns3cr3t\n"), []string{"line 3: it is neither a [section] nor key = value"}},
		{"no region", cloud.Config{}, sdkKey, []string{"access key from HUAWEICLOUD_SDK_* variables", "set --region, or --endpoint"}},
		{"what is no region", cloud.Config{Region: "evil.example/x"}, sdkKey, []string{`"evil.example/x" is not a region of Huawei Cloud`}},
		{"no project, and no region to look it up by", aksk, sdkKey.with(env{"HUAWEICLOUD_SDK_PROJECT_ID": ""}), []string{"set --region", "HUAWEICLOUD_SDK_PROJECT_ID"}},
		{"no project, and nowhere to look it up", cloud.Config{Endpoint: imageAPI, Region: "cn-north-4"}, sdkKey.with(env{"HUAWEICLOUD_SDK_PROJECT_ID": ""}),
			[]string{"the Identity API of " + imageAPI, "set HUAWEICLOUD_SDK_PROJECT_ID or HUAWEICLOUD_SDK_IAM_ENDPOINT"}},
		{"an address of IAM that is none", cloud.Config{Endpoint: imageAPI, Region: "cn-north-4"},
			sdkKey.with(env{"HUAWEICLOUD_SDK_PROJECT_ID": "", "HUAWEICLOUD_SDK_IAM_ENDPOINT": "iam.example.com"}), []string{"HUAWEICLOUD_SDK_IAM_ENDPOINT", "does not start with https://"}},
		{"a token file beside", cloud.Config{Auth: cloud.AuthAKSK, TokenFile: "tok"}, sdkKey, []string{"tok", "choose one"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, _, err := connect(t, tt.config, tt.vars)
			wantError(t, err, tt.want...)
			if errors.Is(err, batch.ErrUnauthorized) {
				t.Error("nobody has refused anything")
			}
		})
	}
}

func TestAProfileOfSomethingElseIsNoAccessKey(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeFile(t, dir, ".huaweicloud/credentials", "[global]\nak=AK\nsk=s3cr3t\n")
	_, _, err := connect(t, cloud.Config{}, env{"HOME": dir})
	wantError(t, err, "no credentials", "HUAWEICLOUD_SDK_AK", "HW_ACCESS_KEY", "~/.huaweicloud/credentials")
}

func TestRegionsOfHuaweiCloud(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		config   cloud.Config
		vars     env
		endpoint string
		region   string
	}{
		{"a region gives the address", cloud.Config{Region: "cn-north-4"}, nil, "https://ims.cn-north-4.myhuaweicloud.com", "cn-north-4"},
		{"one in Europe has another domain", cloud.Config{Region: "eu-west-101"}, nil, "https://ims.eu-west-101.myhuaweicloud.eu", "eu-west-101"},
		{"an older one in Europe has not", cloud.Config{Region: "eu-west-0"}, nil, "https://ims.eu-west-0.myhuaweicloud.com", "eu-west-0"},
		{"Terraform's variable names it", cloud.Config{}, env{"HW_REGION_NAME": "my-kualalumpur-1", "OS_REGION_NAME": "cn-north-1"},
			"https://ims.my-kualalumpur-1.myhuaweicloud.com", "my-kualalumpur-1"},
		{"OpenStack's does", cloud.Config{}, env{"OS_REGION_NAME": "cn-north-1"}, "https://ims.cn-north-1.myhuaweicloud.com", "cn-north-1"},
		{"the flag wins", cloud.Config{Region: "cn-north-4"}, env{"HW_REGION_NAME": "cn-north-1"}, "https://ims.cn-north-4.myhuaweicloud.com", "cn-north-4"},
		{"an endpoint wins over the region", cloud.Config{Region: "eu-de", Endpoint: "https://ims.eu-de.otc.t-systems.com/v2"}, nil,
			"https://ims.eu-de.otc.t-systems.com", "eu-de"},
		{"an endpoint needs no region", cloud.Config{Endpoint: "https://ims.eu-de.otc.t-systems.com"}, nil, "https://ims.eu-de.otc.t-systems.com", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := mustConnect(t, tt.config, sdkKey.with(tt.vars))
			if s.Endpoint().String() != tt.endpoint || s.Region() != tt.region {
				t.Errorf("%s in %q, want %s in %q", s.Endpoint(), s.Region(), tt.endpoint, tt.region)
			}
		})
	}
}
