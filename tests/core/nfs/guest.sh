#!/bin/bash
# First process of a Linux in user mode, whose root folder is that of the machine. A file server of
# the kernel exports a folder in memory. Two hosts mount it: a and b have their own networks, mounts
# and names. Nothing else is written.
# Kernel arguments: UML (folder of the packages), PYTHON, ROOT (of the repository).
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/run  PYTHONDONTWRITEBYTECODE=1
export LD_LIBRARY_PATH=$UML/usr/lib/x86_64-linux-gnu:$UML/lib/x86_64-linux-gnu
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs run /run
mount -t tmpfs lib /var/lib
mkdir -p /var/lib/nfs/v4recovery /run/export /run/a /run/b /run/rpcbind /run/etc
touch /var/lib/nfs/etab /var/lib/nfs/rmtab
kernel=$(echo "$UML"/usr/lib/uml/modules/*/kernel)
for module in sunrpc grace lockd nfs_acl oid_registry auth_rpcgss nfsd netfs fscache nfs \
  dns_resolver nfsv3 nfsv4 veth overlay; do
  file=$(find "$kernel" -name "$module.ko" -print -quit)
  [ -z "$file" ] || "$UML/bin/kmod" insmod "$file" || (exec -a insmod "$UML/bin/kmod" "$file")
done
(cat /etc/passwd; echo "_rpc:x:0:0::/run/rpcbind:/usr/sbin/nologin") > /run/etc/passwd
cp "$UML/etc/netconfig" /run/etc/ 2>/dev/null
mount -t overlay -o lowerdir=/run/etc:/etc overlay /etc
mount -t nfsd nfsd /proc/fs/nfsd
echo 10 > /proc/fs/nfsd/nfsv4leasetime
echo 10 > /proc/fs/nfsd/nfsv4gracetime
ip link set lo up
hosts=(a b)
for number in 0 1; do
  host=${hosts[number]}
  ip netns add $host
  ip link add to-$host type veth peer name eth0 netns $host
  ip addr add 10.0.$number.1/24 dev to-$host
  ip link set to-$host up
  ip -n $host addr add 10.0.$number.2/24 dev eth0
  ip -n $host link set eth0 up
done
mount -t tmpfs export /run/export
"$UML/sbin/rpcbind" -w
sleep 1
"$UML/usr/sbin/exportfs" -o rw,fsid=0,no_root_squash,insecure,sync,no_subtree_check '*:/run/export'
"$UML/usr/sbin/rpc.mountd" -p 20048
"$UML/usr/sbin/rpc.nfsd" 8
sleep 12 # the server's period of grace
for version in 4.2 3; do
  pids=()
  for number in 0 1; do
    host=${hosts[number]} server=10.0.$number.1
    options="vers=4.2,clientaddr=10.0.$number.2" path=/
    if [ $version = 3 ]; then # locks of the system are local then
      options="vers=3,nolock,proto=tcp,mountproto=tcp,mountport=20048,port=2049,mountaddr=$server"
      path=/run/export
    fi
    ip netns exec $host unshare -u bash -c "hostname host-$host
      mount -i -t nfs -o $options,addr=$server $server:$path /run/$host && exec sleep 1000" &
    pids+=($!)
  done
  sleep 2
  (cd /run && PYTHONPATH=$ROOT timeout 200 "$PYTHON" "$ROOT/tests/core/nfs/scenarios.py" \
    $version "${pids[@]}")
  kill "${pids[@]}"
done
echo o > /proc/sysrq-trigger
sleep 5
