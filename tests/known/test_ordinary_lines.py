"""Lines of healthy AI servers that come near a known failure and are none."""

import pytest

from boxwatch.detections.known import matching

ORDINARY = {
    "kernel": """
NVRM: loading NVIDIA UNIX Open Kernel Module for x86_64  570.86.15  Release Build
nvidia: module verification failed: signature and/or required key missing - tainting kernel
nvidia-nvlink: Nvlink Core is being initialized, major device number 511
nvidia 0000:41:00.0: vgaarb: VGA decodes changed: olddecodes=io+mem,decodes=none:owns=none
nvidia-uvm: Loaded the UVM driver, major device number 509.
NVRM: GPU at PCI:0000:41:00: GPU-509665ad-b600-ac93-3616-d754b23d636d
pcieport 0000:40:01.1: AER: enabled with IRQ 32
pcieport 0000:40:01.1: pciehp: Slot(7): Link Up
EXT4-fs (nvme0n1p2): mounted filesystem with ordered data mode. Quota mode: none.
XFS (sdb1): Ending clean mount
nvme nvme0: 32/0/0 default/read/poll queues
igb 0000:01:00.0 eno1: igb: eno1 NIC Link is Up 1000 Mbps Full Duplex
mlx5_core 0000:c1:00.0: firmware version: 22.39.1002
mlx5_core 0000:c1:00.0 ens3f0np0: Link up
ata1: SATA link up 6.0 Gbps (SStatus 133 SControl 300)
ata2: SATA link down (SStatus 0 SControl 300)
md/raid1:md0: active with 2 out of 2 mirrors
TCP: Hash tables configured (established 524288 bind 65536)
clocksource: Switched to clocksource tsc
mce: CPU4: Core temperature/speed normal
oom_reaper: reaped process 345646 (vector), now anon-rss:0kB, file-rss:0kB, shmem-rss:0kB
DMAR: IOMMU enabled
nfs: server fs1.example.org OK
usb 1-1: new high-speed USB device number 2 using xhci_hcd
docker0: port 1(veth1a2b3c) entered blocking state
""",
    "systemd": """
Started ollama.service - Ollama Service.
ollama.service: Deactivated successfully.
vllm.service: Scheduled restart job, restart counter is at 1.
ollama.service: Consumed 3min 12.402s CPU time.
Stopping docker.service - Docker Application Container Engine...
session-41.scope: Deactivated successfully.
ollama.service: Main process exited, code=killed, status=15/TERM
Finished logrotate.service - Rotate log files.
Reached target multi-user.target - Multi-User System.
system.journal: Journal file uses a different sequence number ID, rotating.
Time has been changed
Synchronized to time server for the first time 185.125.190.57:123 (ntp.ubuntu.com).
""",
    "access": """
Accepted publickey for ops from 10.0.0.7 port 41022 ssh2: ED25519 SHA256:abc
pam_unix(sshd:session): session opened for user ops(uid=1000) by (uid=0)
Connection closed by authenticating user root 203.0.113.7 port 41022 [preauth]
ops : TTY=pts/0 ; PWD=/home/ops ; USER=root ; COMMAND=/usr/bin/nvidia-smi
Received disconnect from 10.0.0.7 port 41022:11: disconnected by user
""",
    "docker": """
time="2026-03-02T00:00:00Z" level=info msg="ignoring event" container=f018 module=libcontainerd
time="2026-03-02T00:00:00Z" level=info msg="API listen on /run/docker.sock"
time="2026-03-02T00:00:00Z" level=warning msg="Failed to get event" error="context canceled"
Error response from daemon: Conflict. The container name "/vllm" is already in use
latest: Pulling from vllm/vllm-openai
Status: Downloaded newer image for vllm/vllm-openai:latest
""",
    "nccl": """
g1:12:34 [0] NCCL INFO Bootstrap : Using eth0:10.244.0.233<0>
NCCL INFO NET/Plugin: Plugin load returned 2 : libnccl-net.so: cannot open shared object file
g1:12:34 [0] NCCL INFO Failed to open libibverbs.so[.1]
g1:12:34 [0] NCCL INFO NCCL_IB_DISABLE set by environment to 0.
g1:12:34 [0] NCCL INFO comm 0x7bf8870 rank 13 nranks 16 cudaDev 5 busId 97000 - Init COMPLETE
g1:12:34 [0] NCCL INFO Connected all rings
""",
    "servers": """
INFO 05-07 02:13:52 [loader.py:458] Loading weights took 0.10 seconds
INFO 05-07 02:14:18 [monitor.py:33] torch.compile takes 17.00 s in total
INFO:     10.233.94.210:38402 - "POST /v1/chat/completions HTTP/1.1" 200 OK
INFO:     Application startup complete.
INFO 03-02 10:00:00 [kv_cache_utils.py:634] GPU KV cache size: 312,880 tokens
Loading safetensors checkpoint shards: 100% Completed | 2/2 [00:01<00:00,  1.83it/s]
WARNING 03-02 10:00:00 [scheduler.py:298] Input prompt (9000 tokens) is too long
(EngineCore_DP0 pid=65064) INFO 01-08 11:19:33 [core.py:77] Initializing a V1 LLM engine
[GIN] 2026/03/02 - 00:00:00 | 200 | 10720ms | 10.0.0.9 | POST "/api/chat"
time=2026-03-02T10:00:00.000Z level=INFO source=sched.go:449 msg="loaded runners" count=1
time=2026-03-02T10:00:00.000Z level=INFO source=types.go:42 msg="inference compute" library=CUDA
llm_load_print_meta: model type       = 8B
llama_model_loader: loaded meta data with 33 key-value pairs and 292 tensors
ggml_cuda_init: found 1 CUDA devices:
I0418 18:12:58.648174 1 server.cc:674] Model resnet50 version 1 is READY
2026-03-02T10:00:00.632149Z  INFO text_generation_launcher: Shard ready in 12.5 s rank=0
[2026-03-02 10:00:00 TP0] Decode batch. #running-req: 12, gen throughput (token/s): 640.1
""",
    "training": """
{'loss': 0.4123, 'grad_norm': 1.02, 'learning_rate': 2e-05, 'epoch': 0.31}
epoch 3 step 1200 loss 2.31 lr 3.0e-4 tokens/s 152331
WARNING:torch.distributed.elastic.multiprocessing.api:Sending process 812914 closing signal SIGTERM
Setting OMP_NUM_THREADS environment variable for each process to be 1 in default
UserWarning: This DataLoader will create 16 worker processes in total.
Saving model checkpoint to /data/run/checkpoint-4000
bash: no error was found; 0 files with a bus error in their name
""",
}
LINES = [line for text in ORDINARY.values() for line in text.strip().splitlines()]


@pytest.mark.parametrize("line", LINES)
def test_a_healthy_line_is_no_failure(line):
    """Near the words of a failure, and none."""
    assert [rule.id for rule in matching(line)] == []
