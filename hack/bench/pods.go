package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/openplp/khocr/api/v1alpha1"
)

// sampleInterval is how often the worker pods are looked at. What a process takes after the last look is lost.
const sampleInterval = 250 * time.Millisecond

// workers is what the pods of a job were seen to take.
type workers struct {
	// pods by their processes.
	pods map[types.UID]map[int]taken
	// looks at which any pod ran, how many ran at all of these together, and at most.
	looks, running, most int
}

// taken by a process since it began.
type taken struct {
	cpu time.Duration
	// peak of resident memory in megabytes.
	peak float64
}

// cpu time of all pods.
func (w *workers) cpu() (sum time.Duration) {
	for _, processes := range w.pods {
		for _, process := range processes {
			sum += process.cpu
		}
	}
	return sum
}

// peaks of an engine and of a pod, in megabytes: the most of any. A pod's is the sum of those of all processes that it ever
// had, whether they had them together or not, with what they share counted for each: no less than what it took.
func (w *workers) peaks() (process, pod float64) {
	for _, processes := range w.pods {
		sum := 0.0
		for _, taken := range processes {
			process = max(process, taken.peak)
			sum += taken.peak
		}
		pod = max(pod, sum)
	}
	return process, pod
}

// watch the pods of a job until the context ends.
func (p *platform) watch(ctx context.Context, job string) (*workers, error) {
	seen := &workers{pods: make(map[types.UID]map[int]taken)}
	ticker := time.NewTicker(sampleInterval)
	defer ticker.Stop()
	for {
		pods, err := p.kube.CoreV1().Pods("").List(ctx, metav1.ListOptions{LabelSelector: v1alpha1.LabelJob + "=" + job})
		if ctx.Err() != nil {
			return seen, nil
		}
		if err != nil {
			return nil, fmt.Errorf("listing the worker pods: %w", err)
		}
		if err := seen.look(pods.Items); err != nil {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return seen, nil
		case <-ticker.C:
		}
	}
}

// look at the pods once.
func (w *workers) look(pods []corev1.Pod) error {
	processes, err := readProcesses()
	if err != nil {
		return err
	}
	running := 0
	for _, pod := range pods {
		if pod.Status.Phase != corev1.PodRunning {
			continue
		}
		running++
		if w.pods[pod.UID] == nil {
			w.pods[pod.UID] = make(map[int]taken)
		}
		for _, process := range processes.of(pod.UID) {
			cpu, cpuError := processTime(process)
			peak, peakError := peakMemory(process)
			if cpuError == nil && peakError == nil { // else it has ended
				w.pods[pod.UID][process] = taken{cpu, peak}
			}
		}
	}
	if running > 0 {
		w.looks++
		w.running += running
		w.most = max(w.most, running)
	}
	return nil
}

// processes of this machine, by their numbers, and the control groups that they are in.
type processes map[int]string

func readProcesses() (processes, error) {
	files, err := filepath.Glob("/proc/[0-9]*/cgroup")
	if err != nil {
		return nil, err
	}
	groups := make(processes)
	for _, file := range files {
		group, err := os.ReadFile(file)
		if err != nil {
			continue // the process has ended
		}
		process, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err != nil {
			return nil, err
		}
		groups[process] = string(group)
	}
	return groups, nil
}

// of a pod that runs on this machine: its control group has its name.
func (p processes) of(pod types.UID) []int {
	var found []int
	for process, group := range p {
		if strings.Contains(group, string(pod)) || strings.Contains(group, strings.ReplaceAll(string(pod), "-", "_")) {
			found = append(found, process)
		}
	}
	return found
}

// processTime is the user and system time of a process.
func processTime(process int) (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", process))
	if err != nil {
		return 0, err
	}
	return parseStat(string(stat))
}

// parseStat finds the times in /proc/PID/stat, its fields 14 and 15, in ticks of a hundredth of a second on every Linux. The
// second field is a name, which may hold anything.
func parseStat(stat string) (time.Duration, error) {
	const user, tick = 14 - 3, 10 * time.Millisecond
	fields := strings.Fields(stat[strings.LastIndex(stat, ")")+1:])
	if len(fields) <= user+1 {
		return 0, fmt.Errorf("the kernel tells no times of a process: %q", stat)
	}
	ticks := int64(0)
	for _, field := range fields[user : user+2] {
		count, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("reading the times of a process: %w", err)
		}
		ticks += count
	}
	return time.Duration(ticks) * tick, nil
}
