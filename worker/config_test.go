package worker

import (
	"maps"
	"strings"
	"testing"

	"github.com/openplp/khocr/internal/workerport"
)

func TestFromEnvironment(t *testing.T) {
	complete := map[string]string{
		workerport.EnvGatewayURL: "https://10.96.3.4:8443", workerport.EnvGatewayName: "gateway", workerport.EnvGatewayCA: "PEM",
		workerport.EnvPodName: "job-0-1", workerport.EnvOrganization: "school", workerport.EnvCPULimit: "2", workerport.EnvMemoryLimit: "2147483648",
		"TESSDATA_PREFIX": "/models",
	}
	for name, test := range map[string]struct {
		change map[string]string
		want   string
	}{
		"a complete environment":       {nil, ""},
		"no address":                   {map[string]string{workerport.EnvGatewayURL: ""}, workerport.EnvGatewayURL},
		"no name":                      {map[string]string{workerport.EnvGatewayName: ""}, workerport.EnvGatewayName},
		"no authority":                 {map[string]string{workerport.EnvGatewayCA: ""}, workerport.EnvGatewayCA},
		"no core":                      {map[string]string{workerport.EnvCPULimit: "0"}, workerport.EnvCPULimit},
		"a memory limit as a quantity": {map[string]string{workerport.EnvMemoryLimit: "2Gi"}, workerport.EnvMemoryLimit},
	} {
		t.Run(name, func(t *testing.T) {
			environment := maps.Clone(complete)
			maps.Copy(environment, test.change)
			config, err := FromEnvironment(func(name string) string { return environment[name] })
			switch {
			case test.want == "" && (err != nil || config.CPULimit != 2 || config.MemoryLimit != 2<<30 || config.TessdataPrefix != "/models" || config.Organization != "school"):
				t.Errorf("config = %+v, %v", config, err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("error = %v, want one about %s", err, test.want)
			}
		})
	}
}

func TestAStoreIsInReachOnlyIfThePodSaysSo(t *testing.T) {
	environment := map[string]string{
		workerport.EnvGatewayURL: "u", workerport.EnvGatewayName: "n", workerport.EnvGatewayCA: "c", workerport.EnvCPULimit: "1", workerport.EnvMemoryLimit: "1",
	}
	for said, want := range map[string]bool{"": false, "no": false, "true": true} {
		environment[workerport.EnvStoreInReach] = said
		config, err := FromEnvironment(func(name string) string { return environment[name] })
		if err != nil || config.StoreInReach != want {
			t.Errorf("%q: in reach %v, %v", said, config.StoreInReach, err)
		}
	}
}
