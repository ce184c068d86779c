package ratelimit

import (
	"context"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/openplp/khocr/internal/testenv"
	"github.com/openplp/khocr/internal/testlog"
)

// redisServer is a Redis of the test's own, on a socket in its folder.
type redisServer struct {
	socket  string
	process *exec.Cmd
}

func (r *redisServer) url() string { return "unix://" + r.socket }

// startRedis starts a Redis that ends with the test, or skips the test where there is none.
func startRedis(t *testing.T) *redisServer {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("redis-server is not installed: make packages")
	}
	r := &redisServer{socket: filepath.Join(t.TempDir(), "redis.sock")}
	r.start(t)
	t.Cleanup(r.kill)
	return r
}

func (r *redisServer) start(t *testing.T) {
	t.Helper()
	r.process = exec.Command("redis-server", "--port", "0", "--unixsocket", r.socket, "--save", "", "--daemonize", "no",
		"--dir", filepath.Dir(r.socket))
	if err := r.process.Start(); err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(&redis.Options{Network: "unix", Addr: r.socket})
	defer client.Close()
	testenv.Await(t, "Redis answers", func() bool { return client.Ping(t.Context()).Err() == nil })
}

// kill ends the server without a word. It does so when it is stopped, too.
func (r *redisServer) kill() {
	_ = r.process.Process.Kill()
	_ = r.process.Wait()
	_ = os.Remove(r.socket)
}

func (r *redisServer) signal(t *testing.T, signal os.Signal) {
	t.Helper()
	if err := r.process.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
}

// gateway is a Shared that runs until the test ends.
type gateway struct {
	*Shared
	log *testlog.Buffer
	// asked counts what was sent to Redis for the organizations.
	asked atomic.Int32
}

func startGateway(t *testing.T, address string, gateways int) *gateway {
	t.Helper()
	g := &gateway{log: new(testlog.Buffer)}
	shared, err := NewShared(address, func() int { return gateways }, newClock().now, slog.New(slog.NewTextHandler(g.log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	g.Shared = shared
	shared.client.AddHook(counting{&g.asked})
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- shared.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return g
}

func (g *gateway) awaitBack(t *testing.T) {
	t.Helper()
	testenv.Await(t, "the gateway has found Redis", func() bool { return !g.away.Load() })
}

// counting counts the commands about organizations.
type counting struct{ commands *atomic.Int32 }

func (counting) DialHook(next redis.DialHook) redis.DialHook { return next }
func (counting) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}
func (c counting) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, command redis.Cmder) error {
		if strings.Contains(command.String(), "khocr:minute:") {
			c.commands.Add(1)
		}
		return next(ctx, command)
	}
}

// patient gateways wait for Redis as long as a loaded machine takes.
func patient(gateways ...*gateway) {
	for _, g := range gateways {
		g.timeout = time.Minute
	}
}

// take takes requests and tells how many were allowed.
func take(t *testing.T, from Limiter, organization string, limit, requests int) int {
	t.Helper()
	allowed := 0
	for range requests {
		if from.Take(t.Context(), Key{"minute", organization}, limit).Allowed {
			allowed++
		}
	}
	return allowed
}

func TestTwoGatewaysAreHeldToOneLimit(t *testing.T) {
	server := startRedis(t)
	one, two := startGateway(t, server.url(), 2), startGateway(t, server.url(), 2)
	patient(one, two)

	t.Run("the eleventh request is refused, whoever is asked", func(t *testing.T) {
		for i := range 10 {
			got := []*gateway{one, two}[i%2].Take(t.Context(), acme, 10)
			if !got.Allowed || got.Limit != 10 || got.Remaining != 9-i {
				t.Fatalf("request %d: %+v", i+1, got)
			}
		}
		for _, g := range []*gateway{one, two, one, two} {
			got := g.Take(t.Context(), acme, 10)
			if got.Allowed || got.Remaining != 0 || got.RetryAfter <= 0 || got.RetryAfter > 6*time.Second || got.Reset > time.Minute {
				t.Errorf("the request after the last: %+v", got)
			}
		}
	})

	t.Run("of many at once exactly as many are allowed as there are", func(t *testing.T) {
		var all sync.WaitGroup
		var allowed atomic.Int32
		for i := range 60 {
			all.Go(func() { allowed.Add(int32(take(t, []*gateway{one, two}[i%2], "crowd", 20, 1))) })
		}
		all.Wait()
		// A loaded machine may take the time in which one comes back.
		if got := allowed.Load(); got < 20 || got > 20+1 {
			t.Errorf("%d requests were allowed, want 20", got)
		}
	})

	t.Run("asking how it stands takes nothing", func(t *testing.T) {
		key := Key{"minute", "curious"}
		for range 3 {
			if got := one.Peek(t.Context(), key, 10); !got.Allowed || got.Remaining != 10 || got.Reset != 0 {
				t.Errorf("a full bucket: %+v", got)
			}
		}
		one.Take(t.Context(), key, 10)
		if got := two.Peek(t.Context(), key, 10); got.Remaining != 9 {
			t.Errorf("after one request: %+v", got)
		}
	})

	t.Run("a limit that changes is followed at once", func(t *testing.T) {
		key := Key{"minute", "growing"}
		for range 5 {
			one.Take(t.Context(), key, 10)
		}
		if got := two.Peek(t.Context(), key, 50); got.Remaining != 25 || got.Limit != 50 {
			t.Errorf("half of it is not half of the new limit: %+v", got)
		}
	})

	if strings.Count(one.log.String(), "away")+strings.Count(two.log.String(), "away") > 0 {
		t.Error("a gateway took Redis for away")
	}
}

func TestAGatewayWithoutRedisHoldsToItsShare(t *testing.T) {
	for name, c := range map[string]struct {
		leave    func(*testing.T, *redisServer)
		comeBack func(*testing.T, *redisServer)
	}{
		"Redis hangs": {
			func(t *testing.T, r *redisServer) { r.signal(t, syscall.SIGSTOP) },
			func(t *testing.T, r *redisServer) { r.signal(t, syscall.SIGCONT) },
		},
		"Redis is gone": {
			func(_ *testing.T, r *redisServer) { r.kill() },
			func(t *testing.T, r *redisServer) { r.start(t) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := startRedis(t)
			g := startGateway(t, server.url(), 2)
			g.timeout = time.Minute
			if got := take(t, g, "spent", 10, 10); got != 10 {
				t.Fatalf("%d of 10 requests were allowed", got)
			}
			if got := take(t, g, "half", 10, 3); got != 3 {
				t.Fatalf("%d of 3 requests were allowed", got)
			}
			g.timeout = redisTimeout

			c.leave(t, server)
			before := g.asked.Load()
			if got := take(t, g, "fresh", 10, 12); got != 5 {
				t.Errorf("%d requests were allowed, want the half of 10", got)
			}
			if got := take(t, g, "spent", 10, 3); got != 0 {
				t.Errorf("%d requests more were allowed to one that had none left", got)
			}
			if got := take(t, g, "half", 10, 5); got != 2 {
				t.Errorf("%d requests more were allowed to one that had 2 left of its share", got)
			}
			if got := g.Peek(t.Context(), Key{"minute", "other"}, 10); !got.Allowed || got.Remaining != 5 || got.Limit != 10 {
				t.Errorf("a full bucket: %+v", got)
			}
			if got := g.asked.Load() - before; got != 1 {
				t.Errorf("%d requests waited for Redis, want one", got)
			}

			c.comeBack(t, server)
			g.awaitBack(t)
			g.timeout = time.Minute
			if got := take(t, g, "back", 10, 11); got != 10 {
				t.Errorf("%d requests were allowed once Redis was back, want 10", got)
			}
			if away, back := strings.Count(g.log.String(), "Redis is away"), strings.Count(g.log.String(), "Redis is back"); away != 1 || back != 1 {
				t.Errorf("the log tells %d times that Redis is away and %d times that it is back", away, back)
			}
		})
	}
}

func TestAGatewayStartsWithoutRedis(t *testing.T) {
	g := startGateway(t, "unix://"+filepath.Join(t.TempDir(), "nobody.sock"), 3)
	if got := take(t, g, "acme", 10, 12); got != 4 {
		t.Errorf("%d requests were allowed, want a third of 10, rounded up", got)
	}
}

func TestACallerWhoGoesAwayDoesNotMakeRedisGoAway(t *testing.T) {
	server := startRedis(t)
	g := startGateway(t, server.url(), 1)
	patient(g)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if got := g.Take(ended, acme, 10); !got.Allowed || g.away.Load() {
		t.Errorf("%+v, away %v", got, g.away.Load())
	}
}

func TestShare(t *testing.T) {
	for name, c := range map[string]struct{ limit, gateways, want int }{
		"one gateway":                 {10, 1, 10},
		"several":                     {10, 5, 2},
		"rounded up":                  {10, 3, 4},
		"never nothing":               {10, 100, 1},
		"of gateways not counted yet": {10, 0, 10},
	} {
		t.Run(name, func(t *testing.T) {
			if got := share(c.limit, c.gateways); got != c.want {
				t.Errorf("share(%d, %d) = %d, want %d", c.limit, c.gateways, got, c.want)
			}
		})
	}
}

func TestAnAddressIsNotRepeated(t *testing.T) {
	for _, address := range []string{"redis://:secret@host:port", "http://:secret@host", "redis://:secret@host/a/b", "redis://:secret@host?x=secret", "%secret"} {
		_, err := NewShared(address, nil, nil, nil)
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestHasPassword(t *testing.T) {
	for address, want := range map[string]bool{
		"redis://host:6379": false, "unix:///run/redis.sock": false, "redis://user@host": false,
		"redis://:p@host": true, "rediss://user:p@host": true, "unix://user:p@/run/redis.sock": true, "redis://:p@host:%zz": true,
	} {
		if got := HasPassword(address); got != want {
			t.Errorf("HasPassword(%s) = %v", address, got)
		}
	}
}
