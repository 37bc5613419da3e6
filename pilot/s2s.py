import sys,time,d2l_attention
import numpy as onp, mxnet as mx
from mxnet import np,npx,autograd,gluon,init,optimizer
from mxnet.gluon import nn,rnn,HybridBlock,loss
npx.set_np()
from d2l_attention.attention import *
from d2l_attention.backend import operators as op
from d2l_attention.datasets.translation import generate
from d2l_attention.training import fit,predict
from d2l_attention import seed_everything
class LSTM(HybridBlock):
    "Zero input and mask 0 keep the state at zero"
    def __init__(self,size,input_size):
        super().__init__()
        self.lstm=rnn.LSTM(size,input_size=input_size+1)
        for p in self.lstm.collect_params('.*bias').values(): p.grad_req='null'
    def hybrid_forward(self,F,x,mask,h,c):
        o,(h,c)=self.lstm(F.np.concatenate([x,mask],axis=2),[h,c]); return o,h,c
class Enc(HybridBlock):
    def __init__(self,V,d,layers=1):
        super().__init__(); self.embed=nn.Embedding(V,d); self.layers=nn.HybridSequential()
        for _ in range(layers): self.layers.add(LSTM(d,d))
    def hybrid_forward(self,F,words,mask): # (B,n),(B,1,n)
        m=op.transpose(mask,(2,0,1)) # n,B,1
        x=op.transpose(self.embed(words),(1,0,2))*m
        z=op.zeros_at(x,0); S=[]
        for l in self.layers:
            x,h,c=l(x,m,z,z); S+= [h,c]
        return [op.transpose(x,(1,0,2))]+S
class Dec(HybridBlock):
    def __init__(self,V,d,layers=1,att=True):
        super().__init__(); self.embed=nn.Embedding(V,d); self.layers=nn.HybridSequential()
        for _ in range(layers): self.layers.add(rnn.LSTM(d,input_size=d))
        self.attention=Attention(BilinearScore(d)) if att else None
        self.Wc=nn.Dense(d,flatten=False,in_units=d); self.Ws=nn.Dense(d,flatten=False,in_units=d,use_bias=False)
        self.out=nn.Dense(V,flatten=False,in_units=d)
    def hybrid_forward(self,F,words,mask,memory,*S):
        x=op.transpose(self.embed(words),(1,0,2)); N=[]
        for i,l in enumerate(self.layers):
            x,(h,c)=l(x,[S[2*i],S[2*i+1]]); N+=[h,c]
        s=op.transpose(x,(1,0,2))
        if self.attention:
            ctx,w=self.attention(s,memory,memory,mask)
            s=op.tanh(self.Ws(s)+self.Wc(ctx)); 
        return [self.out(s)]+N
class S2S(HybridBlock):
    def __init__(self,Vs,Vt,d,layers=1,att=True):
        super().__init__(); self.enc=Enc(Vs,d,layers); self.dec=Dec(Vt,d,layers,att)
    def hybrid_forward(self,F,src,mask,tin):
        memory,*S=self.enc(src,mask)
        return self.dec(tin,mask,memory,*S)[0]
L=loss.SoftmaxCrossEntropyLoss(sparse_label=True)
def lossf(out,tgt):
    w=np.expand_dims((tgt>0).astype('float32'),-1)
    return loss.SoftmaxCrossEntropyLoss()(out,tgt,w)*tgt.shape[1]/6.
def vocab(texts): return ['<pad>','<bos>','<eos>']+sorted({w for t in texts for w in t.split()})
def arrays(ps,vs,vt):
    i=[[vs[w] for w in p.source.split()] for p in ps]; o=[[vt[w] for w in p.target.split()] for p in ps]
    n=max(map(len,i)); T=max(map(len,o))+1
    s=onp.zeros((len(ps),n),'int32'); m=onp.zeros((len(ps),1,n),'float32'); a=onp.zeros((len(ps),T),'int32'); b=onp.zeros((len(ps),T),'int32')
    for k,(x,y) in enumerate(zip(i,o)):
        s[k,n-len(x):]=x; m[k,0,n-len(x):]=1; a[k,:len(y)+1]=[1]+y; b[k,:len(y)+1]=y+[2]
    return (s,m,a),b
def batches(ps,vs,vt,B,seed):
    def of(epoch):
        rng=onp.random.RandomState([seed,epoch]); order=rng.permutation(len(ps))
        order=sorted(order,key=lambda k:len(ps[k].source.split())+rng.rand()) # bucket
        bs=[order[i:i+B] for i in range(0,len(order),B)]; rng.shuffle(bs)
        for b in bs: yield arrays([ps[k] for k in b],vs,vt)
    return of
def greedy(net,ps,vs,vt,names,limit=2.0):
    out=[]
    for i in range(0,len(ps),100):
        chunk=ps[i:i+100]; (s,m,_),_=arrays(chunk,vs,vt)
        s,m=np.array(s,dtype='int32'),np.array(m); memory,*S=net.enc(s,m)
        w=np.ones((len(chunk),1),dtype='int32'); rows=[[] for _ in chunk]; alive=onp.ones(len(chunk),bool)
        for t in range(int(limit*s.shape[1])+5):
            o,*S=net.dec(w,m,memory,*S); w=o.argmax(axis=-1).astype('int32')
            for k,v in enumerate(w.asnumpy()[:,0]):
                if alive[k]:
                    if v==2: alive[k]=False
                    else: rows[k].append(names[v])
            if not alive.any(): break
        out+=[" ".join(r) for r in rows]
    return out
if __name__=="__main__":
    att=sys.argv[1]=="att"; N=int(sys.argv[2]); d=int(sys.argv[3]); ep=int(sys.argv[4]); lr=float(sys.argv[5]); B=int(sys.argv[6])
    t0=time.process_time()
    ps=generate(N+500,words=(5,12),seed=0); test=ps[:500]; tr=ps[500:]
    longer={n:generate(200,words=(n,n),seed=9) for n in (14,18,24)}
    vs,vt=vocab([p.source for p in ps]+[p.source for q in longer.values() for p in q]),vocab([p.target for p in ps]+[p.target for q in longer.values() for p in q])
    VS,VT={w:i for i,w in enumerate(vs)},{w:i for i,w in enumerate(vt)}
    print("data",time.process_time()-t0,len(vs),len(vt),flush=True)
    seed_everything(0)
    net=S2S(len(vs),len(vt),d,1,att); net.initialize(init.Xavier())
    tot=0
    for k in range(ep):
        t0=time.process_time()
        steps=N//B
        h=fit(net,batches(tr,VS,VT,B,k),optimizer.Adam(learning_rate=lr*(1-k/ep)),epochs=1,loss=lossf,progress=False,clip_norm=1.0)
        tot+=time.process_time()-t0
        if k%3==2 or k==ep-1:
            g=greedy(net,test[:200],VS,VT,vt); acc=onp.mean([a==p.target for a,p in zip(g,test)])
            print(k,round(tot,1),h['loss'][-1].round(3),"exact",acc,flush=True)
    for n,q in longer.items():
        g=greedy(net,q[:100],VS,VT,vt); print(n,onp.mean([a==p.target for a,p in zip(g,q)]), onp.mean([onp.mean([x==y for x,y in zip(a.split(),p.target.split())]) for a,p in zip(g,q)]))
