#[derive(Clone,Copy,Debug,PartialEq,Eq,Hash)]
pub struct BlockId(pub [u8;16]);
#[derive(Clone,Debug)]
pub enum Block {
  Session { pid: u32, database_oid: u32, database: String, role: String, client_address: Option<String>, client_port: Option<u16>, application: Option<String>, started: i64 },
  Identity { issuer: String, subject: String, kind: String, tenants: Vec<String>, clearance: u64, token_id: Option<String>, token_hash: [u8;32], sid: Option<String>, actors: Vec<String>, on_behalf_of: Option<String>, expires_at: i64 },
  Text { text: String, truncated: bool, sha256: [u8;32] },
  Relations { relations: Vec<Touched> },
}
impl Block { pub fn id(&self)->BlockId { use std::hash::*; let mut h=DefaultHasher::new(); format!("{self:?}").hash(&mut h); let mut o=[0;16]; o[..8].copy_from_slice(&h.finish().to_be_bytes()); BlockId(o) }
 pub fn text(t:&str)->Block { Block::Text{text:t.into(),truncated:false,sha256:[0;32]} } }
#[derive(Clone,Debug,Default)]
pub struct Touched { pub oid: u32, pub name: String, pub actions: Vec<String>, pub read: Vec<String>, pub written: Vec<String> }
#[derive(Clone,Copy,Debug,PartialEq,Eq,Default)]
pub enum Kind { #[default] Read, Search, Write, Row, Denial, Login, Definition, Policy, Privilege, Maintenance, Rollback, Boot, Forged, Gap, Origin }
#[derive(Clone,Copy,Debug,PartialEq,Eq,Default)]
pub enum Outcome { #[default] Allowed, Denied, Error }
#[derive(Clone,Copy,Debug,PartialEq,Eq)]
pub enum Stage { Start, End }
#[derive(Clone,Debug,Default)]
pub struct Change { pub relation: String, pub operation: String, pub key: String, pub columns: Vec<String>, pub old: Option<String>, pub new: Option<String> }
#[derive(Clone,Debug,Default)]
pub struct Event { pub at: i64, pub kind: Kind, pub outcome: Outcome, pub session: Option<BlockId>, pub identity: Option<BlockId>, pub text: Option<BlockId>, pub relations: Option<BlockId>, pub role: Option<String>, pub statement: Option<String>, pub stage: Option<Stage>, pub code: Option<String>, pub sqlstate: Option<String>, pub message: Option<String>, pub rows: Option<u64>, pub labels: Option<u64>, pub k: Option<u64>, pub keys: Vec<String>, pub change: Option<Change>, pub policy_version: Option<u64>, pub xid: Option<u64>, pub first_seq: Option<u64>, pub detail: Option<String>, pub database: Option<String>, pub user_origin: bool }
pub enum Item { Block(Block), Event(Event) }
impl Item { pub fn encode(&self)->Vec<u8> { match self { Item::Block(b)=>format!("{b:?}"), Item::Event(e)=>format!("{e:?}") }.into_bytes() } }
pub struct MacKey([u8;32]);
impl MacKey { pub fn from_bytes(b:[u8;32])->Self{Self(b)} pub fn bytes(&self)->&[u8;32]{&self.0} }
pub struct Frame<'a> { pub boot:[u8;8], pub session:u64, pub seq:u64, pub body:&'a [u8] }
impl Frame<'_> { pub fn to_record(&self,_k:&MacKey)->Vec<u8>{ let mut v=vec![1]; v.extend(self.boot); v.extend(self.session.to_be_bytes()); v.extend(self.seq.to_be_bytes()); v.extend(self.body); v } }
pub fn normalise(sql:&str,_b:bool)->String{sql.to_owned()}
